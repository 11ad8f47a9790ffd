//! Texts of others in Markdown: each ends where it ends, and none is HTML.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

/// Rounds in which HTML is looked for. What is left in a text that is made to need more loses every `<`.
const MAX_ROUNDS: usize = 5;

/// A text that is Markdown itself, as an answer of a model is: what would be HTML is shown as it is written,
/// and a last block of code that is open is closed.
pub(super) fn contained(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..MAX_ROUNDS {
        // What is escaped may have hidden more.
        let html = html(&text);
        if html.is_empty() {
            return closed(text);
        }
        for range in html.into_iter().rev() {
            let escaped = text[range.clone()].replace('<', "&lt;");
            text.replace_range(range, &escaped);
        }
    }
    closed(text.replace('<', "&lt;"))
}

/// Text of one line that is no Markdown: a name, a title, a reason.
pub(super) fn plain(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '\n' | '\r' => escaped.push(' '),
            '<' => escaped.push_str("&lt;"),
            '\\' | '`' | '*' | '[' | ']' => escaped.extend(['\\', character]),
            other => escaped.push(other),
        }
    }
    escaped
}

pub(super) fn quoted(text: &str) -> String {
    let lines: Vec<String> = contained(text).lines().map(|line| format!("> {line}")).collect();
    lines.join("\n")
}

/// A block that ends where it should, whatever is in it.
pub(super) fn fenced(language: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", text.trim_end_matches('\n'))
}

pub(super) fn code(text: &str) -> String {
    let mark = "`".repeat(longest_run(text) + 1);
    // A space keeps backticks of the text apart from the marks.
    let space = if mark.len() > 1 { " " } else { "" };
    format!("{mark}{space}{}{space}{mark}", text.replace(['\n', '\r'], " "))
}

/// The most backticks that stand in a row.
fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

/// Where a text is HTML, in the order of the text.
fn html(text: &str) -> Vec<Range<usize>> {
    let events = Parser::new(text).into_offset_iter();
    let html = events.filter(|(event, _)| matches!(event, Event::Html(_) | Event::InlineHtml(_)));
    html.map(|(_, range)| range).collect()
}

/// A text with the fence of its last block of code, if that has none. One in a list or a quotation ends with
/// that.
fn closed(text: String) -> String {
    let mut depth = 0_usize;
    let mut last = None;
    for (event, range) in Parser::new(&text).into_offset_iter() {
        if matches!(event, Event::Start(Tag::List(_) | Tag::BlockQuote(_))) {
            depth += 1;
        } else if matches!(event, Event::End(TagEnd::List(_) | TagEnd::BlockQuote(_))) {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && matches!(event, Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_)))) {
            last = Some(range);
        }
    }
    let Some(block) = last.and_then(|range| text.get(range)) else { return text };
    let fence = block.trim_start_matches(' ');
    let mark = &fence[..fence.len() - fence.trim_start_matches(['`', '~']).len()];
    let end = block.trim_end().lines().skip(1).last().unwrap_or_default().trim();
    if end.starts_with(mark) && end.trim_start_matches(['`', '~']).is_empty() {
        return text;
    }
    format!("{}\n{mark}", text.trim_end_matches('\n'))
}
