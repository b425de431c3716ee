package dev.forkpoint.learner.objective;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A part's entry in the registry: what {@code --help}, the reference page and the property tests
 * read.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface Published {
    /** Name in recipes and on the command line, unique within its kind of part. */
    String name();

    /** One sentence of what the part does. */
    String summary();

    /** The equation that the class computes. */
    String equation();

    /** Where the equation is from: paper with equation number, or public code. */
    String source();
}
