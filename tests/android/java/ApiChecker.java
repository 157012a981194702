import java.io.File;
import java.io.FileInputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.codehaus.mojo.animal_sniffer.ClassListBuilder;
import org.codehaus.mojo.animal_sniffer.SignatureChecker;
import org.codehaus.mojo.animal_sniffer.logging.PrintWriterLogger;

/**
 * Prints what classes use of Java and Android that a version of Android lacks.
 *
 * <p>The first argument is the version's signatures, the second the classes, the others what else
 * is on their class path.
 */
final class ApiChecker {
    public static void main(String[] arguments) throws Exception {
        var logger = new PrintWriterLogger(System.out);
        List<File> files = new ArrayList<>();
        Arrays.stream(arguments).skip(1).map(File::new).forEach(files::add);
        var known = new ClassListBuilder(logger);
        for (File file : files) known.process(file);
        try (var signatures = new FileInputStream(arguments[0])) {
            var checker = new SignatureChecker(signatures, known.getPackages(), logger);
            checker.setSourcePath(List.of());
            checker.process(files.get(0));
        }
    }
}
