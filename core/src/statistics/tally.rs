//! What is counted.

macro_rules! tally {
    ($($(#[$doc:meta])* $count:ident),+ $(,)?) => {
        /// Counts and sums. They stay at the largest number there is.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Tally {
            $($(#[$doc])* pub $count: u64,)+
        }

        impl Tally {
            /// The names of all of them, in order.
            pub const NAMES: [&str; [$(stringify!($count)),+].len()] = [$(stringify!($count)),+];

            /// All of them, in the same order.
            pub const fn values(&self) -> [u64; Self::NAMES.len()] {
                [$(self.$count),+]
            }

            /// The tally with these values, in the same order.
            pub const fn of_values([$($count),+]: [u64; Self::NAMES.len()]) -> Self {
                Self { $($count),+ }
            }

            /// Both together.
            pub const fn plus(&self, other: &Self) -> Self {
                Self { $($count: self.$count.saturating_add(other.$count)),+ }
            }
        }
    };
}

tally! {
    /// Turns that the agent finished with success.
    turns_succeeded,
    /// Turns that the agent finished without: a limit, a refusal, a schema that was not met.
    turns_unsuccessful,
    turns_failed,
    turns_interrupted,
    /// Turns of which nobody knows the cost.
    turns_unpriced,
    calls,
    calls_failed,
    calls_cut_off,
    cost_micros,
    /// Calls and turns whose cost is an estimate.
    cost_estimates,
    input_tokens,
    output_tokens,
    cache_read_input_tokens,
    cache_creation_input_tokens,
    tool_calls,
    tool_errors,
    tool_refusals,
    requests_asked,
    requests_allowed,
    requests_denied,
    requests_withdrawn,
    /// Files that their session had not changed before.
    files_changed,
    file_changes,
    lines_added,
    lines_removed,
}
