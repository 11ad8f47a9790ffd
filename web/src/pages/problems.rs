//! The list of problems, as a part of a page: `docs/problems.md`, with an anchor for each code.

const LIST: &str = include_str!("../../../docs/problems.md");

/// A page with the list at its end.
pub(super) fn with_list(page: &str) -> String {
    let list = format!(
        "<section class=\"swagger-ui\"><div class=\"wrapper\">\n{}</div></section>\n</body>",
        html(LIST)
    );
    page.replace("</body>", &list)
}

/// The parts of Markdown that the list is written in: headings, paragraphs and tables.
fn html(markdown: &str) -> String {
    let mut html = String::new();
    let mut in_table = false;
    for line in markdown.lines().filter(|line| !line.is_empty() && !line.starts_with("|-")) {
        let cells = line.strip_prefix("| ").and_then(|row| row.strip_suffix(" |"));
        let cells = cells.map(|cells| cells.split(" | ").collect::<Vec<_>>());
        let (was_in_table, is_in_table) = (in_table, cells.is_some());
        in_table = is_in_table;
        if was_in_table && !is_in_table {
            html.push_str("</tbody></table>\n");
        }
        html.push_str(&match cells {
            Some(cells) if was_in_table => row(&cells),
            Some(heads) => table(&heads),
            None => prose(line),
        });
    }
    if in_table { html + "</tbody></table>\n" } else { html }
}

fn prose(line: &str) -> String {
    match (line.strip_prefix("## "), line.strip_prefix("# ")) {
        (Some(heading), _) => format!("<h3>{}</h3>\n", words(heading)),
        (None, Some(title)) => format!("<h2 id=\"problems\">{}</h2>\n", words(title)),
        (None, None) => format!("<p>{}</p>\n", words(line)),
    }
}

fn table(heads: &[&str]) -> String {
    let heads: String = heads.iter().map(|head| format!("<th>{}</th>", words(head))).collect();
    format!("<table><thead><tr>{heads}</tr></thead><tbody>\n")
}

/// A code with what belongs to it; the code is the name by which links lead here.
fn row(cells: &[&str]) -> String {
    let code = cells.first().map(|code| code.trim_matches('`')).unwrap_or_default();
    let cells: String = cells.iter().map(|cell| format!("<td>{}</td>", words(cell))).collect();
    format!("<tr id=\"{code}\">{cells}</tr>\n")
}

fn words(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let parts = escaped.split('`').enumerate();
    parts
        .map(|(at, part)| if at % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::html;

    #[test]
    fn tables_of_codes_become_rows_with_anchors() {
        let markdown = "# Problems\n\nEach has a `code`.\n\n## One & only\n\n| code | status |\n|---|---|\n\
                        | `a_b` | 400 |\n\nThe end.\n";

        assert_eq!(
            html(markdown),
            "<h2 id=\"problems\">Problems</h2>\n<p>Each has a <code>code</code>.</p>\n<h3>One &amp; only</h3>\n\
             <table><thead><tr><th>code</th><th>status</th></tr></thead><tbody>\n\
             <tr id=\"a_b\"><td><code>a_b</code></td><td>400</td></tr>\n</tbody></table>\n<p>The end.</p>\n"
        );
    }
}
