package headwater.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.common.JobExecutionResult;
import org.apache.flink.api.common.accumulators.LongCounter;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.connector.file.src.reader.TextLineInputFormat;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Runs one job several times in one JVM, so that later rounds are compiled code, and prints the net
 * run time of each as a line of JSON.
 *
 * <p>Parallelism 1, one slot, chained, object reuse, event time, a checkpoint each second.
 */
public final class FlinkComparison {
    private static final long CHECKPOINT_INTERVAL_MS = 1000;
    private static final String RECORDS = "records";

    private FlinkComparison() {}

    public static void main(String[] args) throws Exception {
        if (args.length != 3 || !List.of("numbers", "lines", "kafka").contains(args[0])) {
            System.err.println(
                    "arguments: numbers <count> <rounds> | lines <file> <rounds>"
                            + " | kafka <host:port>/<topic> <rounds>");
            System.exit(2);
        }
        String job = args[0];
        int rounds = Integer.parseInt(args[2]);
        for (int round = 1; round <= rounds; round++) {
            Path checkpoints = Files.createTempDirectory("flink-comparison");
            try {
                StreamExecutionEnvironment env = createEnvironment(checkpoints);
                if (job.equals("numbers")) {
                    defineNumbers(env, Long.parseLong(args[1]));
                } else if (job.equals("lines")) {
                    defineLines(env, Path.of(args[1]));
                } else {
                    int slash = args[1].indexOf('/');
                    defineKafka(env, args[1].substring(0, slash), args[1].substring(slash + 1));
                }
                print(job, round, env.execute(job));
            } finally {
                remove(checkpoints);
            }
        }
        // Pools of the local cluster may still hold threads.
        System.exit(0);
    }

    private static void defineNumbers(StreamExecutionEnvironment env, long count) {
        env.fromSource(
                        new NumberSequenceSource(1, count),
                        WatermarkStrategy.<Long>forMonotonousTimestamps()
                                .withTimestampAssigner((number, previous) -> number),
                        "numbers")
                .map(new Increment())
                .sinkTo(new DiscardingSink<>());
    }

    /** All lines have the same event time, which costs what any assigner without parsing costs. */
    private static void defineLines(StreamExecutionEnvironment env, Path file) {
        FileSource<String> source =
                FileSource.forRecordStreamFormat(
                                new TextLineInputFormat(),
                                new org.apache.flink.core.fs.Path(file.toUri()))
                        .build();
        env.fromSource(
                        source,
                        WatermarkStrategy.<String>forMonotonousTimestamps()
                                .withTimestampAssigner((line, previous) -> line.length()),
                        "lines")
                .map(new Length())
                .sinkTo(new DiscardingSink<>());
    }

    /** Reads what is in the topic at the start; each checkpoint commits the group's offsets. */
    private static void defineKafka(StreamExecutionEnvironment env, String broker, String topic) {
        KafkaSource<byte[]> source =
                KafkaSource.<byte[]>builder()
                        .setBootstrapServers(broker)
                        .setTopics(topic)
                        .setGroupId("flink-bench")
                        .setStartingOffsets(OffsetsInitializer.earliest())
                        .setBounded(OffsetsInitializer.latest())
                        .setProperty("isolation.level", "read_committed")
                        .setProperty("check.crcs", "true")
                        .setDeserializer(
                                KafkaRecordDeserializationSchema.valueOnly(
                                        ByteArrayDeserializer.class))
                        .build();
        env.fromSource(source, WatermarkStrategy.noWatermarks(), "kafka")
                .map(new ByteLength())
                .sinkTo(new DiscardingSink<>());
    }

    private static StreamExecutionEnvironment createEnvironment(Path checkpoints) {
        Configuration configuration = new Configuration();
        configuration.set(TaskManagerOptions.NUM_TASK_SLOTS, 1);
        configuration.set(StateBackendOptions.STATE_BACKEND, "hashmap");
        configuration.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
        configuration.set(
                CheckpointingOptions.CHECKPOINTS_DIRECTORY, checkpoints.toUri().toString());
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.createLocalEnvironment(1, configuration);
        env.getConfig().enableObjectReuse();
        env.enableCheckpointing(CHECKPOINT_INTERVAL_MS);
        return env;
    }

    private static void print(String job, int round, JobExecutionResult result) {
        long records = result.getAccumulatorResult(RECORDS);
        long ms = result.getNetRuntime(TimeUnit.MILLISECONDS);
        System.out.printf(
                "{\"job\":\"%s\",\"records\":%d,\"ms\":%d,\"round\":%d}%n", job, records, ms, round);
    }

    private static void remove(Path directory) throws IOException {
        try (var paths = Files.walk(directory)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        }
    }

    /** Counts in a plain field, and tells the job's result once, at the end. */
    private abstract static class Counting<T, R> extends RichMapFunction<T, R> {
        protected long count;

        @Override
        public void close() {
            LongCounter records = new LongCounter(count);
            getRuntimeContext().addAccumulator(RECORDS, records);
        }
    }

    private static final class Increment extends Counting<Long, Long> {
        @Override
        public Long map(Long number) {
            count++;
            return number + 1;
        }
    }

    private static final class Length extends Counting<String, Integer> {
        @Override
        public Integer map(String line) {
            count++;
            return line.length();
        }
    }

    private static final class ByteLength extends Counting<byte[], Integer> {
        @Override
        public Integer map(byte[] value) {
            count++;
            return value.length;
        }
    }
}
