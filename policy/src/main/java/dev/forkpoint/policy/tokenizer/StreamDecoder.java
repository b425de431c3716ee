package dev.forkpoint.policy.tokenizer;

import java.util.Arrays;

/**
 * Text of a growing response; never splits a character. Not thread-safe.
 *
 * <p>A token's text depends on its neighbours (a byte-level character may take several tokens, a
 * word-level one brings its own space), so a short window is decoded twice, with and without what
 * is new, and the difference is what is certain. A trailing replacement character means that bytes
 * are missing yet.
 */
public final class StreamDecoder {

    private static final char REPLACEMENT = '\uFFFD';

    private final Tokenizer tokenizer;
    private final boolean skipSpecial;
    private int[] window = new int[0];
    private int known; // tokens at the window's beginning whose text was handed out

    StreamDecoder(Tokenizer tokenizer, boolean skipSpecial) {
        this.tokenizer = tokenizer;
        this.skipSpecial = skipSpecial;
    }

    /** Takes the next tokens and returns the text that is now certain, which may be empty. */
    public String append(int... ids) {
        int before = window.length;
        window = Arrays.copyOf(window, before + ids.length);
        System.arraycopy(ids, 0, window, before, ids.length);
        String old = tokenizer.decode(Arrays.copyOf(window, known), skipSpecial);
        String text = tokenizer.decode(window, skipSpecial);
        if (text.length() <= old.length()
                || text.charAt(text.length() - 1) == REPLACEMENT && window.length - known < 16) {
            return "";
        }
        return advance(old, text);
    }

    /** The rest, with replacement characters for bytes that never became one. */
    public String finish() {
        String old = tokenizer.decode(Arrays.copyOf(window, known), skipSpecial);
        String text = tokenizer.decode(window, skipSpecial);
        return text.length() <= old.length() ? "" : advance(old, text);
    }

    private String advance(String old, String text) {
        int keep = window.length - known; // what was new becomes the context of what follows
        window = Arrays.copyOfRange(window, window.length - keep, window.length);
        known = window.length;
        return text.substring(old.length());
    }
}
