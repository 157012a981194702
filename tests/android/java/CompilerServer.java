import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jetbrains.kotlin.cli.common.ExitCode;
import org.jetbrains.kotlin.cli.jvm.K2JVMCompiler;

/**
 * Kotlin's compiler, started once: the first run of one costs seconds, the next ones far less.
 *
 * <p>Each line of its input names a file of arguments. What the compiler says goes to the file of
 * that name with `.log`, and its exit code is the line that answers. It ends when its input does.
 */
final class CompilerServer {
    public static void main(String[] arguments) throws IOException {
        PrintStream answers = System.out;
        System.setOut(System.err);
        var requests =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String request; (request = requests.readLine()) != null; ) {
            answers.println(compile(Path.of(request)).getCode());
            answers.flush();
        }
    }

    private static ExitCode compile(Path arguments) throws IOException {
        Path log = arguments.resolveSibling(arguments.getFileName() + ".log");
        try (var messages = new PrintStream(Files.newOutputStream(log), true, "UTF-8")) {
            return new K2JVMCompiler().exec(messages, "@" + arguments);
        }
    }
}
