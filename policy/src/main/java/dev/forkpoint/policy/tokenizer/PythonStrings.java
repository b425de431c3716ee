package dev.forkpoint.policy.tokenizer;

import java.beans.FeatureDescriptor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELResolver;
import org.jspecify.annotations.Nullable;

/** Python's methods of strings, where they are not Java's, for chat templates. */
final class PythonStrings extends ELResolver {

    @Override
    public @Nullable Object invoke(
            ELContext context,
            @Nullable Object base,
            Object method,
            Class<?> @Nullable [] types,
            Object @Nullable [] arguments) {
        if (!(base instanceof CharSequence)) {
            return null;
        }
        String s = base.toString();
        Object[] given = arguments == null ? new Object[0] : arguments;
        String first = given.length > 0 && given[0] != null ? given[0].toString() : null;
        Object result =
                switch (method.toString()) {
                    case "startswith" -> first == null ? null : (Object) s.startsWith(first);
                    case "endswith" -> first == null ? null : (Object) s.endsWith(first);
                    case "strip" -> strip(s, first, true, true);
                    case "lstrip" -> strip(s, first, true, false);
                    case "rstrip" -> strip(s, first, false, true);
                    case "split" -> given.length > 1 ? null : split(s, first);
                    case "lower" -> s.toLowerCase(Locale.ROOT);
                    case "upper" -> s.toUpperCase(Locale.ROOT);
                    case "replace" ->
                            given.length == 2
                                    ? s.replace(String.valueOf(first), given[1].toString())
                                    : null;
                    default -> null;
                };
        if (result != null) {
            context.setPropertyResolved(true);
        }
        return result;
    }

    private static String strip(
            String s, @Nullable String characters, boolean left, boolean right) {
        int from = 0;
        int to = s.length();
        while (left && from < to && strippable(s.charAt(from), characters)) {
            from++;
        }
        while (right && to > from && strippable(s.charAt(to - 1), characters)) {
            to--;
        }
        return s.substring(from, to);
    }

    private static boolean strippable(char c, @Nullable String characters) {
        return characters == null
                ? Character.isWhitespace(c) || Character.isSpaceChar(c)
                : characters.indexOf(c) >= 0;
    }

    private static List<String> split(String s, @Nullable String separator) {
        List<String> out = new ArrayList<>();
        if (separator == null) {
            String trimmed = strip(s, null, true, true);
            if (!trimmed.isEmpty()) {
                Collections.addAll(out, trimmed.split("\\s+", -1));
            }
            return out;
        }
        if (separator.isEmpty()) {
            throw new IllegalArgumentException("split: empty separator");
        }
        int from = 0;
        for (int at = s.indexOf(separator); at >= 0; at = s.indexOf(separator, from)) {
            out.add(s.substring(from, at));
            from = at + separator.length();
        }
        out.add(s.substring(from));
        return out;
    }

    @Override
    public @Nullable Object getValue(
            ELContext context, @Nullable Object base, @Nullable Object property) {
        return null;
    }

    @Override
    public @Nullable Class<?> getType(
            ELContext context, @Nullable Object base, @Nullable Object property) {
        return null;
    }

    @Override
    public void setValue(
            ELContext context,
            @Nullable Object base,
            @Nullable Object property,
            @Nullable Object value) {}

    @Override
    public boolean isReadOnly(ELContext context, @Nullable Object base, @Nullable Object property) {
        return true;
    }

    @Override
    public @Nullable Iterator<FeatureDescriptor> getFeatureDescriptors(
            ELContext context, @Nullable Object base) {
        return null;
    }

    @Override
    public @Nullable Class<?> getCommonPropertyType(ELContext context, @Nullable Object base) {
        return null;
    }
}
