package dev.forkpoint.cli.output;

/** Colours tokens by entropy: the surer the paler, so that forks stand out. */
public final class Tint {

    private static final String RESET = "\u001b[0m";

    /** Lower bounds of entropy, nats, and the 256-colour background from there on. */
    private static final double[] BOUNDS = {0.1, 0.35, 0.672, 1.2, 2.0};

    private static final int[] COLOURS = {230, 229, 222, 215, 209};

    private Tint() {}

    /** The text on a background for its entropy in nats; plain below 0.1 and for NaN. */
    public static String of(String text, double entropyNats) {
        int colour = -1;
        for (int i = 0; i < BOUNDS.length; i++) {
            if (entropyNats >= BOUNDS[i]) {
                colour = COLOURS[i];
            }
        }
        return colour < 0 ? text : "\u001b[48;5;%dm\u001b[30m%s%s".formatted(colour, text, RESET);
    }

    /** What the colours mean, in one line. */
    public static String legend() {
        StringBuilder line = new StringBuilder("entropy, nats:");
        for (double bound : BOUNDS) {
            line.append(' ').append(of(" ≥ " + bound + " ", bound));
        }
        return line.toString();
    }
}
