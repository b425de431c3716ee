package dev.forkpoint.reward.verifier;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds the boxed answers of a response in time linear in its length. The last box counts; a box
 * inside the thinking part never does; an unclosed or empty box is no answer.
 */
public final class BoxedAnswer {
    private static final String[] BOXES = {"\\boxed", "\\fbox"};
    private static final String OPEN = "<think>";
    private static final String CLOSE = "</think>";
    private static final int MAX_VISIBLE = 300_000;
    private static final int MAX_JOINED = 64;
    private static final int MAX_JOINER = 80;
    private static final int MAX_JOINER_WORDS = 4;

    private BoxedAnswer() {}

    /**
     * The part of a response after its thinking, of a very long one its last {@value #MAX_VISIBLE}
     * characters; null if the thinking never ends.
     */
    public static @Nullable String afterThinking(String response) {
        int from = Math.max(0, response.length() - MAX_VISIBLE);
        String tail = response.substring(from);
        int end = tail.lastIndexOf(CLOSE);
        if (end >= 0) {
            String visible = tail.substring(end + CLOSE.length());
            int reopened = visible.indexOf(OPEN);
            return reopened < 0 ? visible : visible.substring(0, reopened);
        }
        if (response.indexOf(OPEN) < 0) {
            return tail;
        }
        int closed = from == 0 ? -1 : response.lastIndexOf(CLOSE, from);
        int reopened = closed < 0 ? 0 : response.indexOf(OPEN, closed);
        return reopened < 0 ? tail : null;
    }

    /** Whether a text holds a box, closed or not. */
    public static boolean hasBox(String text) {
        return text.contains(BOXES[0]) || text.contains(BOXES[1]);
    }

    /**
     * The content of the last box, or null if there is no box, or the last one is unclosed or
     * empty.
     */
    public static @Nullable String last(String text) {
        List<String> boxes = joined(text, 1);
        return boxes.isEmpty() ? null : boxes.get(0);
    }

    /**
     * The contents of the last boxes that are joined by commas, "and" or a few words, in the order
     * of the text; empty where {@link #last} is null.
     */
    public static List<String> joined(String text) {
        return joined(text, MAX_JOINED);
    }

    private static List<String> joined(String text, int limit) {
        List<String> contents = new ArrayList<>();
        int[] ends = {text.length(), text.length()};
        int nextStart = -1;
        while (contents.size() < limit) {
            // Each kind of box is looked for anew only once it was used: one pass over the text.
            for (int kind = 0; kind < BOXES.length; kind++) {
                if (ends[kind] >= 0 && (nextStart < 0 || ends[kind] == nextStart)) {
                    ends[kind] = text.lastIndexOf(BOXES[kind], ends[kind] - 1);
                }
            }
            int at = Math.max(ends[0], ends[1]);
            if (at < 0) {
                break;
            }
            int[] content = content(text, at);
            boolean empty = content[0] < 0 || text.substring(content[0], content[1]).isBlank();
            // A box that holds a later one (\boxed{x=\boxed{7}}), or does not join it, ends the
            // list.
            if (empty
                    || (nextStart >= 0
                            && (content[2] > nextStart || !joins(text, content[2], nextStart)))) {
                break;
            }
            contents.add(text.substring(content[0], content[1]).strip());
            nextStart = at;
        }
        Collections.reverse(contents);
        return contents;
    }

    /** Start and end of the content, and end of the box; −1 where the box is not closed. */
    private static int[] content(String text, int at) {
        int position =
                text.startsWith(BOXES[0], at) ? at + BOXES[0].length() : at + BOXES[1].length();
        while (position < text.length() && Character.isWhitespace(text.charAt(position))) {
            position++;
        }
        if (position == text.length()) {
            return new int[] {-1, -1, -1};
        }
        if (text.charAt(position) != '{') {
            int end = position;
            while (end < text.length()
                    && !Character.isWhitespace(text.charAt(end))
                    && "$}),;".indexOf(text.charAt(end)) < 0) {
                end++;
            }
            return new int[] {position, end, end};
        }
        int depth = 0;
        for (int i = position; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\\') {
                i++;
            } else if (c == '{') {
                depth++;
            } else if (c == '}' && --depth == 0) {
                return new int[] {position + 1, i, i + 1};
            }
        }
        return new int[] {-1, -1, -1};
    }

    /**
     * Whether the text between two boxes only joins them: punctuation, maths delimiters, and at
     * most four words.
     */
    private static boolean joins(String text, int from, int to) {
        if (to - from > MAX_JOINER) {
            return false;
        }
        int words = 0;
        boolean joiner = false;
        for (int i = from; i < to; ) {
            char c = text.charAt(i);
            if (c == '\\' && i + 1 < to) {
                i += Character.isLetter(text.charAt(i + 1)) ? 1 + letters(text, i + 1, to) : 2;
            } else if (Character.isLetter(c)) {
                words++;
                joiner = true;
                i += letters(text, i, to);
            } else if (c == '\n') {
                return false;
            } else {
                joiner |= c == ',' || c == ';';
                if (" \t,;$(){}~&:=".indexOf(c) < 0) {
                    return false;
                }
                i++;
            }
        }
        return joiner && words <= MAX_JOINER_WORDS;
    }

    private static int letters(String text, int from, int to) {
        int end = from;
        while (end < to && Character.isLetter(text.charAt(end))) {
            end++;
        }
        return end - from;
    }
}
