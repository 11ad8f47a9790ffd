//! Aggregates as tools of the cqrs-es family know them, its test framework among them.

use cqrs_es::DomainEvent;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use super::Aggregate;

/// An aggregate of the log in the form of cqrs-es: its rules need no services, and nothing is awaited.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shell<A>(pub A);

impl<A> cqrs_es::Aggregate for Shell<A>
where
    A: Aggregate,
    A::Event: DomainEvent,
{
    type Command = A::Command;
    type Error = A::Refusal;
    type Event = A::Event;
    type Services = ();

    const TYPE: &'static str = A::KIND;

    async fn handle(
        &mut self,
        command: A::Command,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), A::Refusal> {
        for event in self.0.decide(command)?.events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: A::Event) {
        self.0.apply(event);
    }
}
