//! Runs of schedules on a clock that the test sets: each begins once, after a crash and with two servers too.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use runner_core::agent::{AgentOptions, PermissionMode};
use runner_core::ids::{ScheduleId, StreamId, TenantId, TurnId};
use runner_core::log::{LogStream, RecordedEvent};
use runner_core::people::principal::Principal;
use runner_core::ports::Clock;
use runner_core::session::event::Origin;
use runner_core::setup::schedule::definition::{ConcurrencyPolicy, ScheduleDefinition};
use runner_core::setup::schedule::event::{DisableReason, RunStarted, ScheduleEvent, Trigger};
use runner_core::setup::schedule::runs::RunStatus;
use runner_core::setup::schedule::{MAX_FAILURES, NewRun, Schedule, ScheduleCommand};
use runner_core::time::Timestamp;
use uuid::Uuid;

use super::replay::Heard;
use super::samples::{Server, done, provenance, reach, run, session};
use crate::{RunPermit, RunPermits, RunRefusal, ScheduleError, SchedulePorts, Schedules};

const HOUR_MS: u64 = 3_600_000;

#[test]
fn a_run_begins_when_it_is_time_in_a_session_of_its_own() {
    run(async {
        let world = World::start();
        let schedule = world.hourly(ConcurrencyPolicy::Skip).await;
        world.up.start();

        world.pass(HOUR_MS - 1);
        world.up.wake();
        world.pass(1);
        world.up.wake();

        let mut agent = world.server.runner.agent().await;
        let started = world.started(2, schedule).await;
        assert_eq!((started.trigger, started.missed), (Trigger::Schedule, 0));
        assert_eq!(agent.hears().await, Heard::Prompt(started.turn, "look".into()));
        let opened = world.server.sessions.opening(started.session).await.unwrap();
        assert_eq!((opened.origin, opened.schedule), (Origin::Schedule, Some(schedule)));
        assert_eq!((&*opened.owner, opened.title.as_deref()), ("local", Some("hourly")));
        agent.says([done()]).await;
        assert_eq!(world.told(3, schedule).await[2], "schedule_run_ended");
    });
}

#[test]
fn a_begin_that_was_stored_before_a_crash_opens_its_session_once() {
    run(async {
        let world = World::start();
        let schedule = world.hourly(ConcurrencyPolicy::Skip).await;
        world.pass(HOUR_MS);
        let new = NewRun {
            session: session(77),
            turn: TurnId(Uuid::from_u128(77)),
            now: world.clock.now(),
            up_since: Timestamp::default(),
        };
        let stream = LogStream::of::<Schedule>(StreamId(schedule.0), TenantId::first());
        let command = ScheduleCommand::StartDue(new);
        world.server.repository.execute::<Schedule>(stream, command, provenance()).await.unwrap();

        // Two servers take up what the crashed one has left.
        let other = world.another_server();
        world.up.start();
        other.start();

        let mut agent = world.server.runner.agent().await;
        assert_eq!(agent.hears().await, Heard::Prompt(new.turn, "look".into()));
        agent.says([done()]).await;
        let told = world.told(3, schedule).await;
        assert_eq!(told, ["schedule_created", "schedule_run_started", "schedule_run_ended"]);
        assert_eq!(world.server.runner.untaken().await, 0);
        assert_eq!(world.server.log.summaries().len(), 1);
    });
}

#[test]
fn of_two_servers_one_begins_a_run() {
    run(async {
        let world = World::start();
        let schedule = world.hourly(ConcurrencyPolicy::Queue).await;
        let other = world.another_server();
        world.up.start();
        other.start();

        for number in 1..=3 {
            world.pass(HOUR_MS);
            world.up.wake();
            other.wake();
            let mut agent = world.server.runner.agent().await;
            agent.hears().await;
            agent.says([done()]).await;
            world.told(1 + 2 * number, schedule).await;
        }

        let told = world.told(7, schedule).await;
        assert_eq!(told.iter().filter(|name| *name == "schedule_run_started").count(), 3, "{told:?}");
        assert_eq!(world.server.log.summaries().len(), 3);
    });
}

#[test]
fn what_was_missed_while_nobody_was_up_is_caught_up_with_once() {
    run(async {
        let world = World::start();
        let schedule = world.hourly(ConcurrencyPolicy::Skip).await;
        world.pass(5 * HOUR_MS + 1000);

        world.another_server().start();

        let mut agent = world.server.runner.agent().await;
        let started = world.started(2, schedule).await;
        assert_eq!((started.trigger, started.missed), (Trigger::CatchUp, 4));
        assert_eq!(started.due_at, Timestamp::default().plus_millis(5 * HOUR_MS));
        agent.hears().await;
        agent.says([done()]).await;
        assert_eq!(world.told(3, schedule).await.len(), 3);
    });
}

#[test]
fn what_is_due_while_a_run_goes_on_is_skipped_or_waits() {
    run(async {
        for (policy, expected) in
            [(ConcurrencyPolicy::Skip, "schedule_run_skipped"), (ConcurrencyPolicy::Queue, "")]
        {
            let world = World::start();
            let schedule = world.hourly(policy).await;
            world.up.start();
            world.pass(HOUR_MS);
            world.up.wake();
            let mut agent = world.server.runner.agent().await;
            agent.hears().await;

            world.pass(2 * HOUR_MS);
            world.up.wake();
            let meanwhile = if expected.is_empty() { 2 } else { 3 };
            let told = world.told(meanwhile, schedule).await;
            agent.says([done()]).await;

            let runs = world.told(meanwhile + 1, schedule).await;
            assert_eq!(runs[meanwhile], "schedule_run_ended");
            if policy == ConcurrencyPolicy::Queue {
                let mut second = world.server.runner.agent().await;
                second.hears().await;
                let started = world.started(4, schedule).await;
                assert_eq!((started.trigger, started.missed), (Trigger::Queue, 1));
            } else {
                assert_eq!(told[2], expected);
                let (runs, _) = world.up.runs((&reach("local"), schedule), None, 5).await.unwrap();
                let statuses: Vec<_> = runs.iter().map(|run| (run.status, run.missed)).collect();
                assert_eq!(statuses, [(RunStatus::Skipped, 1), (RunStatus::Succeeded, 0)]);
            }
        }
    });
}

#[test]
fn runs_that_may_not_begin_fail_and_disable_the_schedule_in_the_end() {
    run(async {
        let world = World::start();
        let schedule = world.hourly(ConcurrencyPolicy::Skip).await;
        let refused = RunRefusal::Refused { code: "owner_disabled".into(), detail: "gone".into() };
        *world.permits.0.lock().unwrap() = Err(refused);
        world.up.start();

        for number in 1..=MAX_FAILURES as usize {
            world.pass(HOUR_MS);
            world.up.wake();
            world.told(1 + 2 * number, schedule).await;
        }

        let told = world.told(2 + 2 * MAX_FAILURES as usize, schedule).await;
        assert_eq!(told.last().map(String::as_str), Some("schedule_disabled"));
        let state = world.up.find(&reach("local"), schedule).await.unwrap();
        assert_eq!((state.disabled, state.next_due()), (Some(DisableReason::RepeatedFailures), None));
        let (runs, more) = world.up.runs((&reach("local"), schedule), None, 2).await.unwrap();
        assert_eq!((runs[0].status, runs[0].code.as_deref()), (RunStatus::Failed, Some("owner_disabled")));
        assert!(more);
        let before = Some(runs[1].version);
        let (rest, more) = world.up.runs((&reach("local"), schedule), before, 5).await.unwrap();
        assert_eq!((rest.len(), more), (MAX_FAILURES as usize - 2, false));
        assert!(world.server.log.summaries().is_empty());
        let on_demand = world.up.run_now((&reach("local"), schedule), provenance()).await;
        assert!(matches!(on_demand, Err(ScheduleError::NotPermitted { .. })), "{on_demand:?}");
    });
}

#[test]
fn a_run_that_cannot_begin_yet_begins_later() {
    run(async {
        let world = World::start();
        let schedule = world.hourly(ConcurrencyPolicy::Skip).await;
        *world.permits.0.lock().unwrap() = Err(RunRefusal::NotNow("the log cannot be read".into()));
        world.up.start();
        world.pass(HOUR_MS);
        world.up.wake();
        let begun = world.started(2, schedule).await;

        *world.permits.0.lock().unwrap() = Ok(RunPermit { offline: true });
        world.up.wake();

        let mut agent = world.server.runner.agent().await;
        assert_eq!(agent.hears().await, Heard::Prompt(begun.turn, "look".into()));
    });
}

#[test]
fn a_run_on_demand_is_refused_while_another_one_is_not_over() {
    run(async {
        let world = World::start();
        let schedule = world.hourly(ConcurrencyPolicy::Skip).await;
        let ada = reach("local");

        let first = world.up.run_now((&ada, schedule), provenance()).await.unwrap();
        let other = world.up.run_now((&ada, schedule), provenance()).await;

        assert_eq!((first.trigger, first.status), (Some(Trigger::Manual), RunStatus::Running));
        assert!(matches!(other, Err(ScheduleError::RunInProgress(of)) if of == first.session_id));
    });
}

/// A server with schedules, and a clock at its hands.
struct World {
    server: Server,
    clock: Arc<SetClock>,
    permits: Arc<Permits>,
    up: Schedules,
}

impl World {
    fn start() -> Self {
        let server = Server::start();
        let clock = Arc::new(SetClock::default());
        let permits = Arc::new(Permits(Mutex::new(Ok(RunPermit { offline: true }))));
        let up = schedules(&server, &clock, &permits);
        Self { server, clock, permits, up }
    }

    fn another_server(&self) -> Schedules {
        schedules(&self.server, &self.clock, &self.permits)
    }

    fn pass(&self, millis: u64) {
        self.clock.0.fetch_add(i64::try_from(millis).unwrap() * 1000, Ordering::Relaxed);
    }

    async fn hourly(&self, concurrency_policy: ConcurrencyPolicy) -> ScheduleId {
        let definition = ScheduleDefinition {
            name: "hourly".into(),
            prompt: "look".into(),
            cron: "0 * * * *".into(),
            time_zone: "UTC".into(),
            concurrency_policy,
            working_dir: "/work".into(),
            permission_mode: PermissionMode::DontAsk,
            title: None,
            options: AgentOptions::default(),
        };
        let made = self.up.create(&Principal::local(), definition, provenance()).await.unwrap();
        made.created().unwrap().schedule
    }

    async fn events(&self, count: usize, schedule: ScheduleId) -> Vec<RecordedEvent> {
        self.server.log.when_stream_has(count, StreamId(schedule.0)).await
    }

    async fn told(&self, count: usize, schedule: ScheduleId) -> Vec<String> {
        self.events(count, schedule).await.into_iter().map(|recorded| recorded.type_name).collect()
    }

    /// The run that the last of so many events begins.
    async fn started(&self, count: usize, schedule: ScheduleId) -> RunStarted {
        let events = self.events(count, schedule).await;
        let ScheduleEvent::RunStarted(run) = events[count - 1].decode().unwrap() else {
            panic!("no run was begun: {}", events[count - 1].data);
        };
        run
    }
}

fn schedules(server: &Server, clock: &Arc<SetClock>, permits: &Arc<Permits>) -> Schedules {
    Schedules::new(SchedulePorts {
        repository: server.repository.clone(),
        log: Arc::clone(&server.log) as Arc<_>,
        sessions: server.sessions.clone(),
        permits: Arc::clone(permits) as Arc<_>,
        clock: Arc::clone(clock) as Arc<_>,
    })
}

#[derive(Default)]
struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

struct Permits(Mutex<Result<RunPermit, RunRefusal>>);

#[async_trait]
impl RunPermits for Permits {
    async fn permit(&self, _: (&TenantId, &str), _: &ScheduleDefinition) -> Result<RunPermit, RunRefusal> {
        tokio::task::yield_now().await;
        self.0.lock().unwrap().clone()
    }
}
