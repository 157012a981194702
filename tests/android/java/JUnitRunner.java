import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.runner.Description;
import org.junit.runner.JUnitCore;
import org.junit.runner.notification.Failure;
import org.junit.runner.notification.RunListener;

/**
 * Runs JUnit classes and tells what happens as it does, so that a crash or a hang leaves its name.
 *
 * <p>The first argument is the file for what happens, the others are classes. Each line is an event,
 * a class, a method and a text, with tabs between.
 */
final class JUnitRunner {
    public static void main(String[] arguments) throws Exception {
        var classes = new Class<?>[arguments.length - 1];
        for (int i = 0; i < classes.length; i++) {
            classes[i] = Class.forName(arguments[i + 1]);
        }
        try (var events = new Events(Path.of(arguments[0]))) {
            var core = new JUnitCore();
            core.addListener(events);
            core.run(classes);
        }
        // Threads that a test left behind do not keep the machine alive.
        System.exit(0);
    }

    private static final class Events extends RunListener implements AutoCloseable {
        private final PrintWriter file;

        Events(Path path) throws IOException {
            file = new PrintWriter(Files.newBufferedWriter(path, StandardCharsets.UTF_8));
        }

        private void tell(String event, Description test, String text) {
            String[] fields = {event, test.getClassName(), test.getMethodName(), text};
            file.println(String.join("\t", Arrays.stream(fields).map(Events::escaped).toList()));
            file.flush();
        }

        private static String escaped(String field) {
            if (field == null) return "";
            return field.replace("\\", "\\\\")
                    .replace("\t", "\\t")
                    .replace("\n", "\\n")
                    .replace("\r", "\\r");
        }

        @Override
        public void testStarted(Description test) {
            tell("started", test, "");
        }

        @Override
        public void testFinished(Description test) {
            tell("finished", test, "");
        }

        @Override
        public void testFailure(Failure failure) {
            tell("failed", failure.getDescription(), failure.getTrace());
        }

        @Override
        public void testAssumptionFailure(Failure failure) {
            tell("skipped", failure.getDescription(), failure.getMessage());
        }

        @Override
        public void testIgnored(Description test) {
            var reason = test.getAnnotation(org.junit.Ignore.class);
            tell("skipped", test, reason == null ? "" : reason.value());
        }

        @Override
        public void close() {
            file.close();
        }
    }
}
