//! What a browser follows, as it is written in a query.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use runner_core::ids::SessionId;

use crate::http::error::Problem;

/// The most topics of one stream.
const MAX_TOPICS: usize = 50;

/// Something that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    /// The list of sessions.
    Sessions,
    /// What waits for people.
    Requests,
    Session(SessionId),
}

/// A topic, and how much of it was seen: a position of the log, or a version of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Followed {
    pub(crate) topic: Topic,
    pub(crate) seen: Option<u64>,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sessions => f.write_str("sessions"),
            Self::Requests => f.write_str("requests"),
            Self::Session(session) => write!(f, "session:{session}"),
        }
    }
}

/// Not a topic.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoTopic;

impl FromStr for Followed {
    type Err = NoTopic;

    fn from_str(text: &str) -> Result<Self, NoTopic> {
        let (name, seen) = match text.split_once('@') {
            None => (text, None),
            Some((name, cursor)) => (name, Some(cursor.parse().map_err(|_| NoTopic)?)),
        };
        let topic = match (name, name.strip_prefix("session:")) {
            ("sessions", _) => Topic::Sessions,
            ("requests", _) => Topic::Requests,
            (_, Some(session)) => Topic::Session(session.parse().map_err(|_| NoTopic)?),
            (_, None) => return Err(NoTopic),
        };
        Ok(Self { topic, seen })
    }
}

/// The topics of a query, in their order.
pub(crate) fn topics(list: &str) -> Result<Vec<Followed>, Problem> {
    let invalid = |detail: String| Problem::field("query_invalid", "?topics", detail);
    let Ok(followed) = list.split(',').map(str::parse).collect::<Result<Vec<Followed>, _>>() else {
        let detail = "must be `sessions`, `requests` and `session:<id>`, each with `@<cursor>` where one is \
                      known, separated by commas";
        return Err(invalid(detail.to_owned()));
    };
    let different: HashSet<Topic> = followed.iter().map(|followed| followed.topic).collect();
    if different.len() < followed.len() {
        return Err(invalid("names a topic twice".to_owned()));
    }
    if followed.len() > MAX_TOPICS {
        return Err(invalid(format!("must be at most {MAX_TOPICS} topics")));
    }
    Ok(followed)
}

/// Goes on where a client that reconnects had come to: the `id` of its last frame, which has every topic.
pub(crate) fn resume(followed: &mut [Followed], last_event_id: &str) -> Result<(), NoTopic> {
    for part in last_event_id.split(',') {
        let seen: Followed = part.parse()?;
        if let Some(known) = followed.iter_mut().find(|known| known.topic == seen.topic) {
            known.seen = seen.seen.or(known.seen);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Followed, NoTopic, Topic, resume, topics};

    const SESSION: &str = "session:01a23207-34f7-713a-94b4-5c144efb8170";

    #[test]
    fn topics_are_read_with_and_without_how_much_was_seen() {
        let list = format!("sessions@7,requests,{SESSION}@0");
        let read = topics(&list).unwrap();

        let shown: Vec<_> = read.iter().map(|followed| (followed.topic.to_string(), followed.seen)).collect();
        let expected = [("sessions", Some(7)), ("requests", None), (SESSION, Some(0))];
        assert_eq!(shown, expected.map(|(topic, seen)| (topic.to_owned(), seen)));
    }

    #[test]
    fn what_is_no_topic_is_refused() {
        for list in
            ["", "sessions,", "all", "session:", "session:7", "sessions@", "sessions@-1", "sessions@x"]
        {
            assert_eq!(topics(list).unwrap_err().code, "query_invalid", "{list}");
        }
        assert!(topics("sessions,sessions@3").unwrap_err().detail.contains("twice"));
        let many: Vec<_> = (0..51).map(|n| format!("session:01a23207-34f7-713a-94b4-{n:012}")).collect();
        assert!(topics(&many.join(",")).unwrap_err().detail.contains("at most 50"));
    }

    #[test]
    fn who_reconnects_goes_on_where_the_last_frame_was() {
        let mut followed = topics("sessions@2,requests").unwrap();

        resume(&mut followed, &format!("sessions@9,{SESSION}@4,requests@8")).unwrap();

        let expected = [(Topic::Sessions, Some(9)), (Topic::Requests, Some(8))];
        assert_eq!(followed, expected.map(|(topic, seen)| Followed { topic, seen }));
        assert_eq!(resume(&mut followed, "12"), Err(NoTopic));
    }
}
