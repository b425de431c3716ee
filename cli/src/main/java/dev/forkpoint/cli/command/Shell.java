package dev.forkpoint.cli.command;

/** Text that people copy into a shell. */
final class Shell {

    private Shell() {}

    /** The word, quoted where a shell would take it apart. */
    static String quote(String word) {
        return word.matches("[A-Za-z0-9_./:@%+=,-]+")
                ? word
                : "'" + word.replace("'", "'\\''") + "'";
    }
}
