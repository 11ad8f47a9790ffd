use super::markdown::{contained, plain, quoted};

#[test]
fn open_block_of_code_is_closed_and_no_other() {
    for (text, closed) in [
        ("a\n```rust\nb", "a\n```rust\nb\n```"),
        ("~~~~\n~~~\n", "~~~~\n~~~\n~~~~"),
        ("````\n```\nb\n```", "````\n```\nb\n```\n````"),
        ("```\na\n```\n\n```\nb", "```\na\n```\n\n```\nb\n```"),
        ("```", "```\n```"),
    ] {
        assert_eq!(contained(text), closed);
    }
    for whole in
        ["a `b` c", "```\na\n```", "  ```\na\n  ```  ", "- ```\n  a\n\nb", "> ```\n> a", "    ```\n", ""]
    {
        assert_eq!(contained(whole), whole);
    }
}

#[test]
fn html_is_shown_as_it_is_written_and_code_stays_as_it_is() {
    for (text, shown) in [
        ("a <b>c</b>", "a &lt;b>c&lt;/b>"),
        ("<style>\n* { display: none }\n", "&lt;style>\n* { display: none }\n"),
        ("<!-- never\n\nended", "&lt;!-- never\n\nended"),
        ("<div\n```\n<script>", "&lt;div\n```\n&lt;script>\n```"),
        ("> <script>a", "> &lt;script>a"),
    ] {
        assert_eq!(contained(text), shown);
    }
    for kept in ["`<b>`", "```\n<style>\n```", "    <style>", "1 < 2", "<https://example.com>", "[a](<b c>)"]
    {
        assert_eq!(contained(kept), kept);
    }
}

#[test]
fn html_within_html_has_an_end() {
    let nested = "<style>\n```\n</style>\n".repeat(40);

    let shown = contained(&nested);

    assert_eq!(contained(&shown), shown);
}

#[test]
fn lines_of_a_prompt_stay_in_its_quotation() {
    assert_eq!(quoted("<style>\n```\na"), "> &lt;style>\n> ```\n> a\n> ```");
}

#[test]
fn names_and_titles_are_one_line_of_plain_text() {
    assert_eq!(plain("a\r\n# <b> [c](d) `e"), "a  # &lt;b> \\[c\\](d) \\`e");
}
