package dev.forkpoint.learner.objective;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * What an option of a part means, with its unit and range; on the record component that holds it.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Option {
    String value();

    /** What its absence from a recipe means, where that is not the default of the part. */
    String absent() default "";

    /** {@link #absent} of an option that a recipe must give. */
    String REQUIRED = "required";

    /** {@link #absent} of a limit that the run's sampling has too. */
    String OF_SAMPLING = "the sampling's max_tokens";

    /** {@link #absent} of a seed. */
    String OF_RUN = "the run's";
}
