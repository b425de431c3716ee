package dev.forkpoint.learner.record;

import dev.forkpoint.lab.page.Html;
import dev.forkpoint.lab.page.TokenText;
import dev.forkpoint.policy.PolicyFormatException;
import dev.forkpoint.policy.tokenizer.StreamDecoder;
import dev.forkpoint.policy.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jboss.logging.Logger;

/** Some responses of a step with their tokens tinted. */
final class ResponseSection {

    private static final Logger LOG = Logger.getLogger(ResponseSection.class);
    private static final int GROUPS = 4;
    private static final int LONGEST = 1500;

    private ResponseSection() {}

    /** A correct and a wrong response to a few prompts; empty where they cannot be read. */
    static String html(Path directory, int step) {
        try {
            List<RolloutRow> rows = new RolloutFiles(directory.resolve("rollouts")).read(step);
            Optional<Tokenizer> tokenizer = tokenizer(directory.resolve("policies"));
            if (tokenizer.isEmpty()) {
                return "";
            }
            StringBuilder out = new StringBuilder("<h2>Responses of step " + step + "</h2>");
            out.append(
                    "<p>The deeper the tint, the higher the entropy of the choice of that token;"
                            + " outlined tokens are kept: only they carried gradient.</p>");
            try (Tokenizer t = tokenizer.get()) {
                for (RolloutRow row : chosen(rows)) {
                    out.append(response(row, t));
                }
            }
            return out.toString();
        } catch (IOException | RuntimeException e) {
            LOG.warnf("report without responses: %s: %s", directory, e);
            return "";
        }
    }

    private static Optional<Tokenizer> tokenizer(Path policies) throws IOException {
        if (!Files.isDirectory(policies)) {
            return Optional.empty();
        }
        try (Stream<Path> all = Files.list(policies)) {
            for (Path p : all.sorted().toList()) {
                if (Files.exists(p.resolve("tokenizer.json"))) {
                    try {
                        return Optional.of(Tokenizer.load(p));
                    } catch (PolicyFormatException e) {
                        // being deleted
                    }
                }
            }
        }
        return Optional.empty();
    }

    /** From the groups that teach something first: one correct and one wrong response each. */
    private static List<RolloutRow> chosen(List<RolloutRow> rows) {
        Map<Long, List<RolloutRow>> groups = new LinkedHashMap<>();
        rows.forEach(r -> groups.computeIfAbsent(r.problemIndex(), k -> new ArrayList<>()).add(r));
        List<List<RolloutRow>> order = new ArrayList<>(groups.values());
        order.sort(
                Comparator.comparing(
                        g ->
                                g.stream().allMatch(RolloutRow::correct)
                                        || g.stream().noneMatch(RolloutRow::correct)));
        List<RolloutRow> chosen = new ArrayList<>();
        for (List<RolloutRow> group : order.subList(0, Math.min(GROUPS, order.size()))) {
            group.stream().filter(RolloutRow::correct).findFirst().ifPresent(chosen::add);
            group.stream().filter(r -> !r.correct()).findFirst().ifPresent(chosen::add);
        }
        return chosen;
    }

    private static String response(RolloutRow row, Tokenizer tokenizer) {
        StreamDecoder decoder = tokenizer.stream(false);
        List<TokenText.Token> tokens = new ArrayList<>();
        int shown = Math.min(LONGEST, row.tokenIds().size());
        List<Float> entropy = row.entropy();
        List<Boolean> kept = row.kept();
        for (int t = 0; t < shown; t++) {
            tokens.add(
                    new TokenText.Token(
                            decoder.append(row.tokenIds().get(t)),
                            entropy == null ? Double.NaN : entropy.get(t),
                            kept != null && kept.get(t)));
        }
        return "<div class=\"response\"><p><b>"
                + (row.correct()
                        ? "correct"
                        : Html.text(
                                row.verdict().toLowerCase(java.util.Locale.ROOT).replace('_', ' ')))
                + "</b> <span class=\"dim\">to</span> "
                + Html.text(shortened(row.prompt()))
                + "</p>"
                + TokenText.html(tokens)
                + (shown < row.tokenIds().size()
                        ? "<p class=\"dim\">" + (row.tokenIds().size() - shown) + " more tokens</p>"
                        : "")
                + "</div>";
    }

    private static String shortened(String prompt) {
        return prompt.length() <= 400 ? prompt : prompt.substring(0, 400) + "…";
    }
}
