package dev.forkpoint.policy.tokenizer;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.el.JinjavaInterpreterResolver;
import com.hubspot.jinjava.interpret.FatalTemplateErrorsException;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import dev.forkpoint.policy.PolicyFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jinjava.javax.el.CompositeELResolver;

/**
 * A model's chat template, rendered as transformers does: Jinja with trimmed blocks, {@code
 * raise_exception} and {@code strftime_now}. What messages say is never itself taken as a template.
 * Thread-safe.
 */
final class ChatTemplate {

    /** Marks an error of the template's own among the engine's. */
    private static final String RAISED = "raised by the chat template: ";

    /**
     * A namespace of plain values: in {@code a=b - 1} the engine would take the name into the
     * difference.
     */
    private static final Pattern NAMESPACE = Pattern.compile("namespace\\(([^()'\"]*)\\)");

    private static final Pattern ARGUMENT = Pattern.compile("(\\w+)\\s*=\\s*([^,]+)");

    private final String source;
    private final Map<String, Object> specialTokens;
    private final Jinjava engine;

    ChatTemplate(String source, Map<String, Object> specialTokens) {
        this.source = understandable(source);
        this.specialTokens = specialTokens;
        CompositeELResolver resolver = new CompositeELResolver();
        resolver.add(new PythonStrings());
        resolver.add(JinjavaInterpreterResolver.DEFAULT_RESOLVER_READ_ONLY);
        engine = OwnClassLoader.with(() -> newEngine(resolver));
    }

    private static Jinjava newEngine(CompositeELResolver resolver) {
        Jinjava engine =
                new Jinjava(
                        JinjavaConfig.newBuilder()
                                .withTrimBlocks(true)
                                .withLstripBlocks(true)
                                .withNestedInterpretationEnabled(false)
                                .withElResolver(resolver)
                                .withMaxOutputSize(64L << 20)
                                .withLegacyOverrides(
                                        LegacyOverrides.newBuilder()
                                                .withEvaluateMapKeys(true)
                                                .withIterateOverMapKeys(true)
                                                .withUsePyishObjectMapper(true)
                                                .withUseNaturalOperatorPrecedence(true)
                                                .withParseWhitespaceControlStrictly(true)
                                                .withAllowAdjacentTextNodes(true)
                                                .withUseTrimmingForNotesAndExpressions(true)
                                                .withKeepNullableLoopValues(true)
                                                .build())
                                .build());
        engine.getGlobalContext()
                .registerFunction(
                        new ELFunctionDefinition(
                                "", "raise_exception", ChatTemplate.class, "raise", Object.class));
        engine.getGlobalContext()
                .registerFunction(
                        new ELFunctionDefinition(
                                "", "strftime_now", ChatTemplate.class, "now", String.class));
        return engine;
    }

    /** The two expressions of common templates that the engine reads otherwise than Jinja. */
    private static String understandable(String source) {
        String reversible = source.replace("[::-1]", "|reverse|list");
        return NAMESPACE
                .matcher(reversible)
                .replaceAll(
                        call ->
                                Matcher.quoteReplacement(
                                        "namespace("
                                                + ARGUMENT.matcher(call.group(1))
                                                        .replaceAll("$1=($2)")
                                                + ")"));
    }

    /** The template of a folder: chat_template.jinja, else tokenizer_config.json's. */
    static Optional<ChatTemplate> load(Path directory) throws PolicyFormatException {
        Path file = directory.resolve("chat_template.jinja");
        Path configFile = directory.resolve("tokenizer_config.json");
        try {
            JsonObject config =
                    Files.exists(configFile)
                            ? JsonParser.parseString(Files.readString(configFile)).getAsJsonObject()
                            : new JsonObject();
            if (Files.exists(file)) {
                return Optional.of(new ChatTemplate(Files.readString(file), specialTokens(config)));
            }
            return inConfig(config).map(source -> new ChatTemplate(source, specialTokens(config)));
        } catch (IOException | JsonParseException | IllegalStateException | StackOverflowError e) {
            throw new PolicyFormatException(
                    configFile + ": not a readable tokenizer configuration: " + e.getMessage(), e);
        }
    }

    /** Text, or a list of named ones of which the default counts. */
    private static Optional<String> inConfig(JsonObject config) {
        JsonElement e = config.get("chat_template");
        if (e != null && e.isJsonPrimitive()) {
            return Optional.of(e.getAsString());
        }
        if (e != null && e.isJsonArray()) {
            for (JsonElement named : e.getAsJsonArray()) {
                if (named.getAsJsonObject().get("name").getAsString().equals("default")) {
                    return Optional.of(named.getAsJsonObject().get("template").getAsString());
                }
            }
        }
        return Optional.empty();
    }

    private static Map<String, Object> specialTokens(JsonObject config) {
        Map<String, Object> out = new HashMap<>();
        for (String name : List.of("bos_token", "eos_token", "unk_token", "pad_token")) {
            JsonElement e = config.get(name);
            if (e != null && e.isJsonPrimitive()) {
                out.put(name, e.getAsString());
            } else if (e != null && e.isJsonObject() && e.getAsJsonObject().has("content")) {
                out.put(name, e.getAsJsonObject().get("content").getAsString());
            }
        }
        return out;
    }

    /**
     * @param extra further variables of the template, such as {@code enable_thinking}
     * @throws IllegalArgumentException if the template refuses the messages or cannot be rendered;
     *     carries the reason
     */
    String render(
            List<ChatMessage> messages, boolean addGenerationPrompt, Map<String, Object> extra) {
        List<Map<String, Object>> list = new ArrayList<>();
        for (ChatMessage m : messages) {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("role", m.role());
            map.put("content", m.content());
            list.add(map);
        }
        Map<String, Object> variables = new HashMap<>(specialTokens);
        variables.putAll(extra);
        variables.put("messages", list);
        variables.put("add_generation_prompt", addGenerationPrompt);
        RenderResult result;
        try {
            result = OwnClassLoader.with(() -> engine.renderForResult(source, variables));
        } catch (FatalTemplateErrorsException e) {
            throw new IllegalArgumentException("chat template: " + e.getMessage(), e);
        }
        for (TemplateError error : result.getErrors()) {
            if (error.getSeverity() == TemplateError.ErrorType.FATAL
                    || error.getException() != null) {
                throw new IllegalArgumentException(
                        "chat template: " + reason(error), error.getException());
            }
        }
        return result.getOutput();
    }

    private static String reason(TemplateError error) {
        for (Throwable t = error.getException(); t != null; t = t.getCause()) {
            if (t instanceof Refusal) {
                return String.valueOf(t.getMessage());
            }
        }
        return error.getMessage();
    }

    /** The template's raise_exception. */
    private static final class Refusal extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Refusal(String message) {
            super(message);
        }
    }

    /** {@code raise_exception(message)}. */
    public static Object raise(Object message) {
        throw new Refusal(RAISED + message);
    }

    /** {@code strftime_now(format)}, for the directives that templates use. */
    public static String now(String format) {
        ZonedDateTime time = ZonedDateTime.now();
        Map<Character, String> patterns =
                Map.of(
                        'd', "dd", 'b', "MMM", 'B', "MMMM", 'Y', "yyyy", 'm', "MM", 'H', "HH", 'M',
                        "mm", 'S', "ss", 'A', "EEEE", 'y', "yy");
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            if (c != '%' || i + 1 == format.length()) {
                out.append(c);
                continue;
            }
            String pattern = patterns.get(format.charAt(++i));
            if (pattern == null) {
                throw new IllegalArgumentException(
                        "strftime_now: %"
                                + format.charAt(i)
                                + " (expected: any of "
                                + patterns.keySet()
                                + ")");
            }
            out.append(
                    time.format(
                            java.time.format.DateTimeFormatter.ofPattern(
                                    pattern, java.util.Locale.ENGLISH)));
        }
        return out.toString();
    }
}
