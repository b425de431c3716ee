package dev.forkpoint.lab.page;

import java.util.Locale;

/** Text and numbers inside HTML. */
public final class Html {

    private Html() {}

    /**
     * Text as it stands between tags or in a quoted attribute. Control characters, which HTML
     * forbids, become their symbols.
     */
    public static String text(String text) {
        StringBuilder out = new StringBuilder(text.length() + 16);
        text.codePoints()
                .forEach(
                        c -> {
                            switch (c) {
                                case '&' -> out.append("&amp;");
                                case '<' -> out.append("&lt;");
                                case '>' -> out.append("&gt;");
                                case '"' -> out.append("&quot;");
                                case '\'' -> out.append("&#39;");
                                case '\n', '\t' -> out.append((char) c);
                                case 0x7f -> out.append('\u2421');
                                default -> {
                                    if (c < 0x20) {
                                        out.append((char) (0x2400 + c));
                                    } else if (c < 0x80 || Character.isDefined(c) && !hidden(c)) {
                                        out.appendCodePoint(c);
                                    } else {
                                        out.append('\uFFFD');
                                    }
                                }
                            }
                        });
        return out.toString();
    }

    /** Characters that turn text around or do not stand alone. */
    private static boolean hidden(int c) {
        return c >= 0x80 && c < 0xa0
                || c >= 0x202a && c <= 0x202e
                || c >= 0x2066 && c <= 0x2069
                || c >= 0xd800 && c <= 0xdfff;
    }

    /** A number for people: four significant digits, no exponent where it can be helped. */
    public static String number(double value) {
        if (!Double.isFinite(value)) {
            return "–";
        }
        double size = Math.abs(value);
        if (value == Math.rint(value) && size < 1e15) {
            return String.format(Locale.ROOT, "%,d", (long) value).replace(',', '\u202f');
        }
        if (size >= 1000) {
            return String.format(Locale.ROOT, "%,.0f", value).replace(',', '\u202f');
        }
        if (size >= 1e-4) {
            int decimals = Math.max(0, 3 - (int) Math.floor(Math.log10(size)));
            return String.format(Locale.ROOT, "%." + Math.min(7, decimals) + "f", value);
        }
        return String.format(Locale.ROOT, "%.2e", value);
    }
}
