package dev.forkpoint.reward.math;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The names that answers use, and what they mean. */
final class Vocabulary {
    /** Functions by every name they go by. */
    private static final Map<String, String> FUNCTIONS = new HashMap<>();

    static {
        for (String same :
                ("sin cos tan cot sec csc sinh cosh tanh coth sech csch arcsin arccos arctan arccot arcsec arccsc arsinh arcosh artanh"
                                + " cis ln log exp floor ceil max min gcd lcm abs sgn det tr rank dim arg Re Im deg Arg mod")
                        .split(" ")) {
            FUNCTIONS.put(same, same);
        }
        String[][] others = {
            {"tg", "tan"},
            {"ctg", "cot"},
            {"cosec", "csc"},
            {"asin", "arcsin"},
            {"acos", "arccos"},
            {"atan", "arctan"},
            {"arctg", "arctan"},
            {"arsin", "arcsin"},
            {"arcos", "arccos"},
            {"artan", "arctan"},
            {"acot", "arccot"},
            {"asec", "arcsec"},
            {"acsc", "arccsc"},
            {"arcsinh", "arsinh"},
            {"asinh", "arsinh"},
            {"arccosh", "arcosh"},
            {"acosh", "arcosh"},
            {"arctanh", "artanh"},
            {"atanh", "artanh"},
            {"sh", "sinh"},
            {"ch", "cosh"},
            {"th", "tanh"},
            {"lg", "lg"},
            {"sign", "sgn"},
            {"ceiling", "ceil"},
            {"fabs", "abs"},
            {"trace", "tr"},
        };
        for (String[] pair : others) {
            FUNCTIONS.put(pair[0], pair[1]);
        }
    }

    /** Function names that plain text writes without backslash. */
    static final Set<String> PLAIN_FUNCTIONS =
            Set.of(
                    "sin",
                    "cos",
                    "tan",
                    "cot",
                    "sec",
                    "csc",
                    "sinh",
                    "cosh",
                    "tanh",
                    "arcsin",
                    "arccos",
                    "arctan",
                    "asin",
                    "acos",
                    "atan",
                    "arsinh",
                    "arcosh",
                    "artanh",
                    "arcsinh",
                    "arccosh",
                    "arctanh",
                    "ln",
                    "log",
                    "lg",
                    "exp",
                    "floor",
                    "ceil",
                    "max",
                    "min",
                    "gcd",
                    "lcm",
                    "abs",
                    "sqrt",
                    "binom",
                    "binomial",
                    "cis",
                    "mod",
                    "pi",
                    "infinity",
                    "inf",
                    "infty",
                    "frac",
                    "dfrac",
                    "alpha",
                    "beta",
                    "gamma",
                    "theta",
                    "lambda",
                    "sigma",
                    "omega",
                    "phi");

    /** Functions whose argument is an angle: a degree sign inside it counts. */
    static final Set<String> TRIGONOMETRIC =
            Set.of("sin", "cos", "tan", "cot", "sec", "csc", "cis");

    /** Functions of several arguments. */
    static final Set<String> VARIADIC = Set.of("max", "min", "gcd", "lcm", "mod");

    private static final Map<String, String> INVERSE =
            Map.ofEntries(
                    Map.entry("sin", "arcsin"),
                    Map.entry("cos", "arccos"),
                    Map.entry("tan", "arctan"),
                    Map.entry("cot", "arccot"),
                    Map.entry("sec", "arcsec"),
                    Map.entry("csc", "arccsc"),
                    Map.entry("sinh", "arsinh"),
                    Map.entry("cosh", "arcosh"),
                    Map.entry("tanh", "artanh"));

    /** Names of letters and letter-like symbols. */
    static final Set<String> SYMBOLS =
            Set.of(
                    "alpha",
                    "beta",
                    "gamma",
                    "delta",
                    "epsilon",
                    "varepsilon",
                    "zeta",
                    "eta",
                    "theta",
                    "vartheta",
                    "iota",
                    "kappa",
                    "lambda",
                    "mu",
                    "nu",
                    "xi",
                    "rho",
                    "varrho",
                    "sigma",
                    "varsigma",
                    "tau",
                    "upsilon",
                    "phi",
                    "varphi",
                    "chi",
                    "psi",
                    "omega",
                    "Gamma",
                    "Delta",
                    "Theta",
                    "Lambda",
                    "Xi",
                    "Pi",
                    "Sigma",
                    "Upsilon",
                    "Phi",
                    "Psi",
                    "Omega",
                    "ell",
                    "hbar",
                    "nabla",
                    "partial",
                    "mho",
                    "aleph",
                    "odot",
                    "star",
                    "dagger",
                    "bot",
                    "perp",
                    "wp",
                    "Re",
                    "Im",
                    "triangle",
                    "Box",
                    "square",
                    "bullet",
                    "oplus",
                    "otimes",
                    "circ",
                    "natural",
                    "sharp",
                    "flat",
                    "clubsuit",
                    "heartsuit",
                    "spadesuit");

    /** Commands that only change how a formula looks, without argument. */
    static final Set<String> INVISIBLE =
            Set.of(
                    "displaystyle",
                    "textstyle",
                    "scriptstyle",
                    "big",
                    "Big",
                    "bigg",
                    "Bigg",
                    "bigl",
                    "bigr",
                    "Bigl",
                    "Bigr",
                    "biggl",
                    "biggr",
                    "Biggl",
                    "Biggr",
                    "limits",
                    "nolimits",
                    "quad",
                    "qquad",
                    "thinspace",
                    "enspace",
                    "hfill",
                    "rm",
                    "bf",
                    "it",
                    "mathrm",
                    "mathbf",
                    "mathit",
                    "mathsf",
                    "mathcal",
                    "mathscr",
                    "mathfrak",
                    "boldsymbol",
                    "bm",
                    "pmb",
                    "ensuremath",
                    "mathnormal",
                    "angle",
                    "measuredangle",
                    "because",
                    "therefore",
                    "left",
                    "right",
                    "mleft",
                    "mright",
                    "middle",
                    "nonumber",
                    "notag",
                    "negthinspace",
                    "medspace",
                    "thickspace",
                    "mathstrut",
                    "strut",
                    "boxed",
                    "fbox",
                    "framebox",
                    "cancel",
                    "checkmark",
                    "blacksquare",
                    "qed",
                    "underline",
                    "large",
                    "Large",
                    "small",
                    "normalsize",
                    "bold",
                    "bfseries",
                    "centering",
                    "allowbreak",
                    "parallelogram",
                    "overbrace",
                    "underbrace");

    /** Commands whose argument is text. */
    static final Set<String> TEXTUAL =
            Set.of(
                    "text",
                    "mbox",
                    "hbox",
                    "textbf",
                    "textit",
                    "textrm",
                    "texttt",
                    "textsf",
                    "textup",
                    "textnormal",
                    "emph",
                    "mathrm",
                    "operatorname",
                    "mathop",
                    "mathbf",
                    "mathit",
                    "rm",
                    "bf",
                    "textsc",
                    "mathsf",
                    "boldsymbol",
                    "bm");

    /** Marks above or below a letter: part of its name. */
    static final Set<String> ACCENTS =
            Set.of(
                    "bar",
                    "hat",
                    "vec",
                    "tilde",
                    "dot",
                    "ddot",
                    "overline",
                    "overrightarrow",
                    "overleftarrow",
                    "overleftrightarrow",
                    "widehat",
                    "widetilde",
                    "mathring",
                    "check",
                    "breve",
                    "acute",
                    "grave",
                    "overarc",
                    "wideparen",
                    "dddot");

    private static final Map<String, String> RELATIONS =
            Map.ofEntries(
                    Map.entry("lt", "LESS"),
                    Map.entry("le", "LESS_OR_EQUAL"),
                    Map.entry("leq", "LESS_OR_EQUAL"),
                    Map.entry("leqslant", "LESS_OR_EQUAL"),
                    Map.entry("leqq", "LESS_OR_EQUAL"),
                    Map.entry("gt", "GREATER"),
                    Map.entry("ge", "GREATER_OR_EQUAL"),
                    Map.entry("geq", "GREATER_OR_EQUAL"),
                    Map.entry("geqslant", "GREATER_OR_EQUAL"),
                    Map.entry("geqq", "GREATER_OR_EQUAL"),
                    Map.entry("ne", "NOT_EQUAL"),
                    Map.entry("neq", "NOT_EQUAL"),
                    Map.entry("in", "MEMBER"),
                    Map.entry("notin", "NOT_MEMBER"),
                    Map.entry("approx", "APPROX"),
                    Map.entry("sim", "APPROX"),
                    Map.entry("simeq", "APPROX"),
                    Map.entry("cong", "APPROX"),
                    Map.entry("approxeq", "APPROX"),
                    Map.entry("doteq", "APPROX"),
                    Map.entry("equiv", "CONGRUENT"),
                    Map.entry("coloneqq", "EQUAL"),
                    Map.entry("triangleq", "EQUAL"),
                    Map.entry("eq", "EQUAL"),
                    Map.entry("less", "LESS"));

    /**
     * Short units that plain text writes after a number; longer words are recognised by their
     * length.
     */
    static final Set<String> SHORT_UNITS =
            Set.of(
                    "cm", "mm", "km", "nm", "kg", "mg", "mL", "ml", "ft", "hr", "hrs", "min",
                    "mins", "sec", "secs", "mph", "pct", "rad", "deg", "cal", "Hz", "kHz", "MHz",
                    "Pa", "kPa", "kJ", "eV", "keV", "MeV", "GeV", "mol", "mi", "yd", "lb", "lbs",
                    "oz", "gal", "cc", "ms", "ns", "kW", "MW", "kV", "mV", "mA", "dm", "ha", "USD",
                    "EUR", "usd", "dB", "pm", "am", "PM", "AM", "yr", "yrs", "day", "sq", "units",
                    "pts", "bps", "kmh", "rpm", "inch", "cents", "per", "cent", "in", "sqft",
                    "psi");

    /** Short words that are no product of letters. */
    static final Set<String> SHORT_WORDS =
            Set.of(
                    "yes", "no", "odd", "nan", "DNE", "dne", "one", "two", "six", "ten", "Yes",
                    "No", "NO", "YES");

    private Vocabulary() {}

    /** The usual name of a function, or null if the name is none. */
    static @Nullable String function(String name) {
        return FUNCTIONS.get(name);
    }

    /** The usual name of a function's inverse, or null. */
    static @Nullable String inverse(String function) {
        return INVERSE.get(function);
    }

    /** The comparison that a command means: a name of {@link Node.Sign}, APPROX, or null. */
    static @Nullable String relation(String command) {
        return RELATIONS.get(command);
    }

    /** Whether a command means something: used to read a doubled backslash as a single one. */
    static boolean isCommand(String name) {
        return FUNCTIONS.containsKey(name)
                || SYMBOLS.contains(name)
                || RELATIONS.containsKey(name)
                || TEXTUAL.contains(name)
                || ACCENTS.contains(name)
                || INVISIBLE.contains(name)
                || OTHER.contains(name);
    }

    private static final Set<String> OTHER =
            Set.of(
                    "frac",
                    "dfrac",
                    "tfrac",
                    "cfrac",
                    "sqrt",
                    "pi",
                    "infty",
                    "cdot",
                    "times",
                    "div",
                    "pm",
                    "mp",
                    "cup",
                    "cap",
                    "setminus",
                    "binom",
                    "dbinom",
                    "tbinom",
                    "sum",
                    "prod",
                    "int",
                    "lim",
                    "begin",
                    "end",
                    "lfloor",
                    "rfloor",
                    "lceil",
                    "rceil",
                    "mathbb",
                    "emptyset",
                    "varnothing",
                    "circ",
                    "degree",
                    "prime",
                    "langle",
                    "rangle",
                    "mod",
                    "pmod",
                    "bmod",
                    "choose");
}
