import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Reads a topic several times with Kafka's own consumer and prints the time of each as a line of JSON. */
public final class ReadTopic {
    private ReadTopic() {}

    public static void main(String[] args) {
        if (args.length != 6) {
            System.err.println(
                    "arguments: <broker> <topic> <partitions> <records> <rounds> <milliseconds>");
            System.exit(2);
        }
        int rounds = Integer.parseInt(args[4]);
        long end = System.nanoTime() + Long.parseLong(args[5]) * 1_000_000;
        for (int round = 0; round < rounds && System.nanoTime() < end; round++) {
            read(args[0], args[1], Integer.parseInt(args[2]), Long.parseLong(args[3]), end);
        }
    }

    /** Prints nothing when the time is over before all has been read. */
    private static void read(
            String broker, String topic, int partitions, long expected, long end) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", broker);
        properties.put("isolation.level", "read_committed");
        properties.put("check.crcs", "true");
        properties.put("enable.auto.commit", "false");
        properties.put("max.poll.records", "10000");
        long started = System.nanoTime();
        long records = 0;
        long bytes = 0;
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(
                        properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> assigned = new ArrayList<>();
            for (int i = 0; i < partitions; i++) {
                assigned.add(new TopicPartition(topic, i));
            }
            consumer.assign(assigned);
            consumer.seekToBeginning(assigned);
            while (records < expected && System.nanoTime() < end) {
                ConsumerRecords<byte[], byte[]> polled = consumer.poll(Duration.ofMillis(100));
                for (var record : polled) {
                    records++;
                    bytes += record.value().length;
                }
            }
        }
        if (records < expected) {
            return;
        }
        double ms = (System.nanoTime() - started) / 1e6;
        System.out.printf(
                "{\"records\":%d,\"ms\":%.1f,\"values\":{\"bytes\":%d}}%n", records, ms, bytes);
    }
}
