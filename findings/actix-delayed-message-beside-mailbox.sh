#!/usr/bin/env bash
# Package: actix 0.13.5 (crates.io), with actix-rt 2.11.0 and tokio.
#
# Valid input: an actor whose handler returns an `AtomicResponse`, and which sends itself a message with
# `Context::notify_later`, as a time-out does.
# One would expect: while the future of the `AtomicResponse` runs, the actor handles nothing else; the delayed
# message waits like any other.
# What happens instead: where a message is in the mailbox and the delay is over when the actor is polled, the
# handler of the first begins, and the handler of the delayed message is called before that future has run. Fields
# that the first handler has taken out of the actor are missing then. The same delayed message sent through the
# actor's address by a task that slept is handled afterwards.
# Why it matters: an `AtomicResponse` cannot be relied on to guard the state of an actor that has timers.
set -euo pipefail
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "delayed"
version = "0.0.0"
edition = "2021"

[dependencies]
actix = "=0.13.5"
actix-rt = "=2.11.0"
tokio = { version = "1", features = ["time"] }
TOML
cat > src/main.rs <<'RUST'
use std::time::Duration;

use actix::prelude::*;

#[derive(Clone, Copy, PartialEq)]
enum Way {
    NotifyLater,
    ThroughTheMailbox,
}

struct Guarded {
    /// Absent while a handler works with it.
    state: Option<u32>,
    way: Way,
    interleaved: u32,
}

impl Actor for Guarded {
    type Context = Context<Self>;
}

const DELAY: Duration = Duration::from_millis(2);

#[derive(Message)]
#[rtype(result = "u32")]
struct Work;

impl Handler<Work> for Guarded {
    type Result = AtomicResponse<Self, u32>;

    fn handle(&mut self, _: Work, context: &mut Context<Self>) -> Self::Result {
        let state = self.state.take();
        match self.way {
            Way::NotifyLater => drop(context.notify_later(Tick, DELAY)),
            Way::ThroughTheMailbox => {
                let address = context.address();
                actix_rt::spawn(async move {
                    tokio::time::sleep(DELAY).await;
                    address.send(Tick).await.ok();
                });
            }
        }
        let working = async { tokio::task::yield_now().await };
        AtomicResponse::new(Box::pin(working.into_actor(self).map(move |(), actor, _| {
            actor.state = state.or(Some(0));
            actor.interleaved
        })))
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Tick;

impl Handler<Tick> for Guarded {
    type Result = ();

    fn handle(&mut self, _: Tick, _: &mut Context<Self>) {
        self.interleaved += u32::from(self.state.is_none());
    }
}

async fn interleaved(way: Way) -> u32 {
    let actor = Guarded { state: Some(0), way, interleaved: 0 }.start();
    let mut seen = 0;
    for _ in 0..500 {
        seen = actor.send(Work).await.unwrap();
        tokio::time::sleep(DELAY).await;
    }
    seen
}

fn main() {
    System::new().block_on(async {
        let notify_later = interleaved(Way::NotifyLater).await;
        let through_the_mailbox = interleaved(Way::ThroughTheMailbox).await;
        println!("of 500 delayed messages, handled while an AtomicResponse ran:");
        println!("  notify_later:          {notify_later}");
        println!("  through the mailbox:   {through_the_mailbox}");
        assert!(notify_later > 0, "actix holds delayed messages back now");
        assert_eq!(through_the_mailbox, 0);
    });
}
RUST
cargo run --quiet
