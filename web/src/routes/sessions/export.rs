//! A session to take away: its log, or an account of it.

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::{HttpResponse, get, web};
use bytes::Bytes;
use futures_util::stream;
use runner_actors::{RunnerError, Sessions};
use runner_core::ids::SessionId;
use runner_core::log::RecordedEvent;
use runner_core::session::index::SessionHead;
use runner_core::session::narrative;
use serde::Deserialize;

use crate::context::Context;
use crate::http::error::{ApiError, Problem};
use crate::request::read::Read;
use crate::stream::PAGE;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// `jsonl` (the default): the stored events, one a line, as `/events` shows them. `markdown`: an
    /// account that people read.
    #[param(inline)]
    format: Option<Format>,
}

#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    Jsonl,
    Markdown,
}

/// The session as a file, as it is at the time of the request. A transfer that breaks off has no end.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path), ExportQuery),
    responses(
        (status = 200, content((String = "application/x-ndjson"), (String = "text/markdown"))),
        (status = 400, body = Problem),
        (status = 404, body = Problem),
    )
)]
#[get("/api/sessions/{id}/export")]
pub(crate) async fn export_session(
    id: web::Path<String>,
    read: Read<ExportQuery>,
    context: web::Data<Context>,
) -> Result<HttpResponse, ApiError> {
    let asked = read.query;
    let head = context.session(&read.caller, &id).await?;
    let format = asked.format.unwrap_or(Format::Jsonl);
    let (kind, ending) = match format {
        Format::Jsonl => ("application/x-ndjson", "jsonl"),
        Format::Markdown => ("text/markdown; charset=utf-8", "md"),
    };
    let name = format!("attachment; filename=\"session-{}.{ending}\"", head.id);
    let export = Export { sessions: context.sessions.clone(), head, format, after: None };
    let body = stream::try_unfold(export, |mut export| async move {
        let page = export.next_page().await.inspect_err(|error| {
            tracing::error!(error = error as &dyn std::error::Error, "an export breaks off");
        });
        Ok::<_, ApiError>(page?.map(|page| (page, export)))
    });
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, kind))
        .insert_header((CONTENT_DISPOSITION, name))
        .streaming(body))
}

/// How far an export has come.
struct Export {
    sessions: Sessions,
    head: SessionHead,
    format: Format,
    /// The last version that was read; absent before the beginning.
    after: Option<u64>,
}

impl Export {
    /// The next part of the file; `None` at its end.
    async fn next_page(&mut self) -> Result<Option<Bytes>, RunnerError> {
        let mut text = match (self.format, self.after) {
            (Format::Markdown, None) => narrative::heading(&self.head),
            (Format::Markdown, Some(_)) | (Format::Jsonl, _) => String::new(),
        };
        let after = self.after.unwrap_or(0);
        let rest = self.head.version - after;
        if rest == 0 {
            return Ok(None);
        }
        let limit = u32::try_from(rest).unwrap_or(PAGE).min(PAGE);
        let events = self.sessions.events(self.head.id, after, limit).await?;
        for recorded in &events {
            text.push_str(&self.written(recorded)?);
        }
        // The log has every version up to the head; if not, the file must not look whole.
        let last = events.last().ok_or(RunnerError::NotFound)?;
        self.after = Some(last.version);
        Ok(Some(Bytes::from(text)))
    }

    fn written(&self, recorded: &RecordedEvent) -> Result<String, RunnerError> {
        let unexpected = |source: serde_json::Error| RunnerError::Unexpected(source.into());
        match self.format {
            Format::Jsonl => {
                let line = serde_json::to_string(recorded).map_err(unexpected)?;
                Ok(format!("{line}\n"))
            }
            Format::Markdown => {
                let event = recorded.decode().map_err(unexpected)?;
                Ok(narrative::piece(recorded, &event).map_or(String::new(), |piece| format!("\n{piece}\n")))
            }
        }
    }
}
