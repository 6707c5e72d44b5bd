import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Scanner;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Reads a topic with Kafka's own consumer, once for each line of its input, and prints the time of what
 * comes behind the first tenth as a line of JSON.
 */
public final class ReadTopic {
    private ReadTopic() {}

    public static void main(String[] args) {
        if (args.length != 4) {
            System.err.println("arguments: <broker> <topic> <partitions> <records>");
            System.exit(2);
        }
        Scanner lines = new Scanner(System.in);
        while (lines.hasNextLine()) {
            lines.nextLine();
            read(args[0], args[1], Integer.parseInt(args[2]), Long.parseLong(args[3]));
        }
    }

    private static void read(String broker, String topic, int partitions, long expected) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", broker);
        properties.put("isolation.level", "read_committed");
        properties.put("check.crcs", "true");
        properties.put("enable.auto.commit", "false");
        properties.put("max.poll.records", "10000");
        long started = 0;
        long skipped = 0;
        long records = 0;
        long bytes = 0;
        long ended = 0;
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(
                        properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> assigned = new ArrayList<>();
            for (int i = 0; i < partitions; i++) {
                assigned.add(new TopicPartition(topic, i));
            }
            consumer.assign(assigned);
            consumer.seekToBeginning(assigned);
            while (records < expected) {
                ConsumerRecords<byte[], byte[]> polled = consumer.poll(Duration.ofMillis(100));
                for (var record : polled) {
                    records++;
                    bytes += record.value().length;
                }
                if (started == 0 && records * 10 >= expected) {
                    started = System.nanoTime();
                    skipped = records;
                }
                ended = System.nanoTime();
            }
        }
        double ms = (ended - started) / 1e6;
        System.out.printf(
                "{\"records\":%d,\"ms\":%.1f,\"values\":{\"bytes\":%d}}%n",
                records - skipped, ms, bytes);
    }
}
