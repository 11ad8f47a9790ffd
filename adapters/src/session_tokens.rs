//! The gateway's tokens, kept out of what is told of agents.
//!
//! An agent has a token in its environment, and whatever lists that prints it. What is recorded is kept for
//! ever and shown to people, so a mark stands there instead. Commands and files themselves are not touched,
//! but for an input that people were asked about: that is used as they saw it.

use std::borrow::Cow;

use runner_core::agent::{AgentOutput, Delta};

/// The beginning of a token: the agent takes it for a key, and nobody takes it for one of Anthropic's.
pub(crate) const PREFIX: &str = "sk-ant-session-";

/// The end of the mark, and what a token that was cut has at least of its own.
const MASKED: &str = "masked";
const MIN_SECRET: usize = 8;

/// A text with a mark in the place of each token.
pub(crate) fn masked(text: &str) -> Cow<'_, str> {
    if !text.contains(PREFIX) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut parts = text.split(PREFIX);
    shown.push_str(parts.next().unwrap_or_default());
    for part in parts {
        shown.push_str(PREFIX);
        match secret(part) {
            0..MIN_SECRET => shown.push_str(part),
            length => {
                shown.push_str(MASKED);
                shown.push_str(&part[length..]);
            }
        }
    }
    Cow::Owned(shown)
}

/// The same for a line of output as it was read.
pub(crate) fn mask_line(line: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(line);
    if let Cow::Owned(shown) = masked(&text) {
        *line = shown.into_bytes();
    }
}

/// The length of the secret part that a text begins with.
fn secret(text: &str) -> usize {
    text.find(|character: char| !character.is_ascii_hexdigit()).unwrap_or(text.len())
}

/// Where the end of a text may be a token that is not complete.
fn begun(text: &str) -> usize {
    let is_open = |at: &usize| {
        let part = &text[at + PREFIX.len()..];
        secret(part) == part.len()
    };
    let whole = text.rfind(PREFIX).filter(is_open);
    let part = (1..PREFIX.len()).rev().find(|length| text.ends_with(&PREFIX[..*length]));
    whole.or(part.map(|length| text.len() - length)).unwrap_or(text.len())
}

/// Pieces of a block that is being written, with tokens masked that lie in several of them: the end of a
/// piece is held back as long as it may be the beginning of a token.
#[derive(Debug, Default)]
pub(crate) struct PieceMask {
    held: Option<Delta>,
}

impl PieceMask {
    /// What can be told once this has come, in order.
    pub(crate) fn pass(&mut self, output: AgentOutput) -> impl Iterator<Item = AgentOutput> + use<> {
        let told = if let AgentOutput::Delta(delta) = output {
            let earlier = self.held.take_if(|held| !is_same_block(held, &delta));
            [earlier, self.complete_part(delta)].map(as_output)
        } else {
            [as_output(self.held.take()), Some(output)]
        };
        told.into_iter().flatten()
    }

    /// The part of a block's newest piece, and of what was held back, that can be told now.
    fn complete_part(&mut self, mut delta: Delta) -> Option<Delta> {
        if let Some(held) = self.held.take() {
            delta.text.insert_str(0, &held.text);
        }
        let rest = delta.text.split_off(begun(&delta.text));
        if !rest.is_empty() {
            self.held = Some(Delta { text: rest, ..delta.clone() });
        }
        (!delta.text.is_empty()).then_some(delta)
    }
}

fn as_output(piece: Option<Delta>) -> Option<AgentOutput> {
    let piece = piece?;
    Some(AgentOutput::Delta(Delta { text: masked(&piece.text).into_owned(), ..piece }))
}

fn is_same_block(one: &Delta, other: &Delta) -> bool {
    (one.kind, &one.message_id, one.index) == (other.kind, &other.message_id, other.index)
}

#[cfg(test)]
mod tests {
    use runner_core::agent::{AgentOutput, Delta, DeltaKind};

    use super::{PieceMask, mask_line, masked};

    fn token() -> String {
        format!("sk-ant-session-{}", "0123456789abcdef".repeat(4))
    }

    fn delta(index: u32, text: &str) -> AgentOutput {
        let (kind, message_id) = (DeltaKind::Text, "m".to_owned());
        AgentOutput::Delta(Delta { kind, message_id, index, text: text.to_owned() })
    }

    #[test]
    fn tokens_are_masked_wherever_they_stand_also_those_that_were_cut() {
        let text = format!("A={}\nB={}", token(), &token()[..30]);

        assert_eq!(masked(&text), "A=sk-ant-session-masked\nB=sk-ant-session-masked");
    }

    #[test]
    fn what_is_no_token_stays_as_it_is() {
        for text in
            ["", "sk-ant-api03-0123456789abcdef", "tokens begin with sk-ant-session-…", "sk-ant-session-add"]
        {
            assert_eq!(masked(text), text);
        }
    }

    #[test]
    fn line_that_is_no_text_is_masked_as_well() {
        let mut line = [b"\xff ".as_slice(), token().as_bytes()].concat();

        mask_line(&mut line);

        assert_eq!(String::from_utf8(line).unwrap(), "\u{fffd} sk-ant-session-masked");
    }

    #[test]
    fn token_in_pieces_of_any_length_is_masked_and_nothing_else_is_lost() {
        let text = format!("It is sk, {} and his.", token());
        for length in 1..text.len() {
            let mut mask = PieceMask::default();
            let pieces = text.as_bytes().chunks(length).map(|piece| delta(0, str::from_utf8(piece).unwrap()));
            let outputs: Vec<AgentOutput> = pieces.chain([delta(1, "next")]).collect();

            let mut told = [String::new(), String::new()];
            for output in outputs.into_iter().flat_map(|output| mask.pass(output)) {
                let AgentOutput::Delta(delta) = output else { panic!("{output:?}") };
                told[delta.index as usize].push_str(&delta.text);
            }

            assert!(!told[0].contains("0123456789"), "{length}: {}", told[0]);
            assert!(told[0].starts_with("It is sk, sk-ant-session-"), "{length}: {}", told[0]);
            assert!(told[0].ends_with(" and his."), "{length}: {}", told[0]);
            assert_eq!(told[1], "next");
        }
    }
}
