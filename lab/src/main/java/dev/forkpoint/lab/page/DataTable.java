package dev.forkpoint.lab.page;

import java.util.List;

/**
 * A table.
 *
 * @param caption what it shows
 * @param head names of the columns
 * @param rows cells as text, the first of a row its name
 */
public record DataTable(String caption, List<String> head, List<List<String>> rows) {

    /** The table, which scrolls when it is wider than the page. */
    public String html() {
        StringBuilder out = new StringBuilder();
        out.append("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"")
                .append(Html.text(caption))
                .append("\"><table><caption>")
                .append(Html.text(caption))
                .append("</caption><thead><tr>");
        for (String h : head) {
            out.append("<th scope=\"col\">").append(Html.text(h)).append("</th>");
        }
        out.append("</tr></thead><tbody>");
        for (List<String> row : rows) {
            out.append("<tr>");
            for (int i = 0; i < row.size(); i++) {
                out.append(i == 0 ? "<th scope=\"row\">" : "<td>")
                        .append(Html.text(row.get(i)))
                        .append(i == 0 ? "</th>" : "</td>");
            }
            out.append("</tr>");
        }
        return out.append("</tbody></table></div>").toString();
    }

    /** The table behind a line that opens it. */
    public String folded(String id, String label) {
        return "<details id=\""
                + Html.text(id)
                + "\"><summary>"
                + Html.text(label)
                + "</summary>"
                + html()
                + "</details>";
    }
}
