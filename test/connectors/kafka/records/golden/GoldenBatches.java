// Writes record batches with Kafka's own Java client and says what its consumer makes of them.
//
//   mvn -q -B dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=/tmp/golden/libs
//   javac -cp '/tmp/golden/libs/*' -d /tmp/golden GoldenBatches.java
//   java -cp '/tmp/golden:/tmp/golden/libs/*' \
//     org.apache.kafka.clients.consumer.internals.GoldenBatches > batches.jsonl
//
// With the argument `read` it takes hex from standard input, a line a response, and prints the
// records that the consumer reads from it (what RecordBatchBuilder writes can be checked so).
//
// It lies in the consumer's package because CompletedFetch, which reads a response, is not public.
package org.apache.kafka.clients.consumer.internals;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.LeaderChangeMessage;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.utils.BufferSupplier;
import org.apache.kafka.common.utils.LogContext;
import org.apache.kafka.common.utils.Utils;

public class GoldenBatches {
  static final TopicPartition TP = new TopicPartition("t", 0);
  static final HexFormat HEX = HexFormat.of();
  static final Header[] NONE = new Header[0];
  static final long T = 1_760_000_000_000L;
  static final String[] CODECS = {"none", "gzip", "snappy", "lz4", "zstd"};

  record Aborted(long producerId, long firstOffset) {}

  public static void main(String[] args) throws Exception {
    if (args.length > 0 && args[0].equals("read")) {
      BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        System.out.println(consume(HEX.parseHex(line.trim()), 0, false, List.of()));
      }
      return;
    }
    for (String codec : CODECS) codecCases(codec);
    timestampCases();
    offsetCases();
    headerCases();
    transactionCases();
    for (int seed = 1; seed <= 40; seed++) randomCase(seed);
    legacyCases();
    murmur2();
  }

  static void codecCases(String codec) throws Exception {
    MemoryRecordsBuilder few = open(codec, 100, TimestampType.CREATE_TIME, 7);
    few.append(T, "k1".getBytes(), "v1".getBytes(), NONE);
    few.append(T + 5, (byte[]) null, "värde ✓ 😀".getBytes(StandardCharsets.UTF_8), NONE);
    few.append(T - 3, new byte[0], (byte[]) null, new Header[] {
      new RecordHeader("h", "x".getBytes()), new RecordHeader("h", (byte[]) null),
      new RecordHeader("ключ", new byte[0])});
    few.append(T + 100_000, (byte[]) null, (byte[]) null, NONE);
    emit(codec + ": few records", bytes(few), 100, false, List.of());

    MemoryRecordsBuilder large = open(codec, 0, TimestampType.CREATE_TIME, 0);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < (codec.equals("none") ? 40 : 400); i++) {
      text.append("line ").append(i * 7919 % 1000).append(" of the text; ");
      if (i % 8 == 7) large.append(T + i, ("key" + i).getBytes(), text.toString().getBytes(), NONE);
    }
    emit(codec + ": many blocks", bytes(large), 0, false, List.of());

    if (!codec.equals("none")) {
      MemoryRecordsBuilder wide = open(codec, 0, TimestampType.CREATE_TIME, 0);
      byte[] noise = new byte[3_000];
      new Random(5).nextBytes(noise);
      wide.append(T, null, noise, NONE);
      wide.append(T, null, new byte[300_000], NONE);
      wide.append(T, null, noise, NONE);
      emit(codec + ": noise and zeros", bytes(wide), 0, false, List.of());
    }
  }

  static void timestampCases() throws Exception {
    for (String codec : new String[] {"none", "lz4"}) {
      MemoryRecordsBuilder b = builder(ByteBuffer.allocate(1 << 16), codec, 5,
          TimestampType.LOG_APPEND_TIME, T + 77, -1, (short) -1, -1, false, false, 3);
      b.append(T, "a".getBytes(), "1".getBytes(), NONE);
      b.append(T + 9, "b".getBytes(), "2".getBytes(), NONE);
      emit(codec + ": log append time", bytes(b), 5, false, List.of());
    }
    MemoryRecordsBuilder b = open("none", 0, TimestampType.CREATE_TIME, 0);
    long[] stamps = {-1, T, 0, 1, 63, 64, -1, 8191, 8192, (1L << 31) - 1, 1L << 31, 1L << 32, 1L << 48,
      (1L << 52) + 1, (1L << 53) - 1, T};
    for (long stamp : stamps) b.append(stamp, null, Long.toString(stamp).getBytes(), NONE);
    emit("timestamps near and far", bytes(b), 0, false, List.of());
    MemoryRecordsBuilder far = open("none", 0, TimestampType.CREATE_TIME, 0);
    far.append((1L << 53) - 1, null, "a".getBytes(), NONE);
    far.append(0, null, "b".getBytes(), NONE);
    far.append(-1, null, "c".getBytes(), NONE);
    emit("timestamps that fall far", bytes(far), 0, false, List.of());
    MemoryRecordsBuilder beyond = open("none", 0, TimestampType.CREATE_TIME, 0);
    beyond.append(T, null, "a".getBytes(), NONE);
    beyond.append(Long.MAX_VALUE, null, "b".getBytes(), NONE);
    emit("refused: timestamp beyond 2^53", bytes(beyond), 0, false, List.of());
  }

  static void offsetCases() throws Exception {
    MemoryRecordsBuilder gaps = open("none", 1_000, TimestampType.CREATE_TIME, 0);
    for (long offset : new long[] {1_000, 1_003, 1_063, 1_064, 1_300, 20_000, 5_000_000}) {
      gaps.appendWithOffset(offset, T, null, Long.toString(offset).getBytes(), NONE);
    }
    gaps.overrideLastOffset(6_000_000);
    byte[] gapped = bytes(gaps);
    emit("gaps between offsets", gapped, 1_000, false, List.of());
    emit("begins before the wanted offset", gapped, 1_064, false, List.of());
    emit("ends before the wanted offset", gapped, 5_000_001, false, List.of());

    MemoryRecordsBuilder high = open("gzip", (1L << 53) - 10, TimestampType.CREATE_TIME, 0);
    high.append(T, null, "a".getBytes(), NONE);
    high.append(T, null, "b".getBytes(), NONE);
    emit("offsets near 2^53", bytes(high), (1L << 53) - 10, false, List.of());

    byte[] log = concat(plain("none", 0, 5), plain("zstd", 5, 5), plain("none", 10, 5));
    emit("three batches", log, 0, false, List.of());
    emit("three batches from inside the second", log, 7, false, List.of());
    emit("ends in a partial batch", cut(log, log.length - 1), 0, false, List.of());
    emit("ends in a partial header", cut(concat(log, log), log.length + 16), 0, false, List.of());
    emit("no batch is whole", cut(log, 30), 0, false, List.of());
    emit("nothing", new byte[0], 0, false, List.of());

    byte[] idempotent = concat(
        with(builder(ByteBuffer.allocate(1 << 16), "none", 0, TimestampType.CREATE_TIME, -1, 9,
            (short) 2, 4, false, false, 1), "a", "b", "c"),
        with(builder(ByteBuffer.allocate(1 << 16), "lz4", 3, TimestampType.CREATE_TIME, -1, 9,
            (short) 2, 7, false, false, 1), "d", "e"));
    emit("idempotent producer", idempotent, 0, false, List.of());
    emit("compacted: some records", compact(idempotent, Set.of(1L, 3L)), 0, false, List.of());
    emit("compacted: empty batches", compact(idempotent, Set.of()), 0, false, List.of());
    emit("compacted: empty batch with an empty follower", compact(idempotent, Set.of(0L)), 2, false, List.of());
  }

  static void headerCases() throws Exception {
    MemoryRecordsBuilder b = open("none", 0, TimestampType.CREATE_TIME, 0);
    for (int count : new int[] {0, 1, 2, 63, 64}) {
      Header[] headers = new Header[count];
      for (int i = 0; i < count; i++) {
        headers[i] = new RecordHeader("name" + i, i % 3 == 0 ? null : new byte[i]);
      }
      b.append(T, null, ("with " + count).getBytes(), headers);
    }
    emit("many headers", bytes(b), 0, false, List.of());
  }

  static void transactionCases() throws Exception {
    byte[] zeros = new byte[4];
    byte[] log = concat(
        txn(0, 1, "a1", "a2"), txn(2, 2, "b1"),
        keyed(3, 1, zeros, "aborted, with the key of an abort marker"),
        marker(4, 1, ControlRecordType.ABORT),
        keyed(5, 1, zeros, "committed, with the key of an abort marker"),
        txn(6, 2, "b2"), marker(7, 1, ControlRecordType.COMMIT),
        plain("none", 8, 2), marker(10, 2, ControlRecordType.ABORT), txn(11, 2, "b3"),
        marker(12, 2, ControlRecordType.COMMIT));
    List<Aborted> aborted = List.of(new Aborted(1, 0), new Aborted(2, 2));
    emit("aborted transactions", log, 0, true, aborted);
    emit("aborted transactions, list out of order", log, 0, true, List.of(aborted.get(1), aborted.get(0)));
    emit("aborted transactions read uncommitted", log, 0, false, List.of());
    emit("aborted transactions from inside", log, 3, true, aborted);
    emit("aborted transactions, none listed", log, 0, true, List.of());
    byte[] again = concat(txn(0, 1, "a"), marker(1, 1, ControlRecordType.ABORT), txn(2, 1, "b"),
        marker(3, 1, ControlRecordType.ABORT), txn(4, 1, "c"), marker(5, 1, ControlRecordType.COMMIT));
    emit("the same producer aborts twice", again, 0, true, List.of(new Aborted(1, 0), new Aborted(1, 2)));
    byte[] idempotentBetween = concat(txn(0, 1, "a"),
        with(builder(ByteBuffer.allocate(1 << 16), "none", 1, TimestampType.CREATE_TIME, -1, 1,
            (short) 0, 5, false, false, 1), "not transactional"),
        marker(2, 1, ControlRecordType.ABORT));
    emit("not transactional inside an aborted range", idempotentBetween, 0, true, List.of(new Aborted(1, 0)));
    emit("no marker any more", concat(txn(0, 1, "a"), txn(1, 3, "b")), 0, true, List.of(new Aborted(1, 0)));
    ByteBuffer leader = ByteBuffer.allocate(1 << 10);
    byte[] change = take(MemoryRecords.withLeaderChangeMessage(2, T, 4, leader, new LeaderChangeMessage().setLeaderId(1)));
    emit("other control records", concat(plain("none", 0, 2), change, plain("none", 3, 1)), 0, true, List.of());
  }

  static void randomCase(int seed) throws Exception {
    Random random = new Random(seed);
    List<byte[]> parts = new ArrayList<>();
    List<Long> ends = new ArrayList<>();
    List<Aborted> aborted = new ArrayList<>();
    long[] open = {-1, -1, -1};
    long offset = random.nextInt(1 << 20);
    long start = offset;
    for (int i = 0; i < 12; i++) {
      int producer = random.nextInt(3);
      String codec = CODECS[random.nextInt(5)];
      if (open[producer] >= 0 && random.nextInt(3) == 0) {
        boolean isAbort = random.nextBoolean();
        if (isAbort) aborted.add(new Aborted(producer, open[producer]));
        parts.add(marker(offset++, producer, isAbort ? ControlRecordType.ABORT : ControlRecordType.COMMIT));
        ends.add(offset);
        open[producer] = -1;
        continue;
      }
      boolean isTransactional = random.nextInt(4) > 0;
      MemoryRecordsBuilder b = builder(ByteBuffer.allocate(1 << 16), codec, offset, TimestampType.CREATE_TIME, -1,
          isTransactional ? producer : -1, (short) (isTransactional ? 0 : -1), isTransactional ? i * 10 : -1,
          isTransactional, false, 1);
      if (isTransactional && open[producer] < 0) open[producer] = offset;
      int count = 1 + random.nextInt(6);
      for (int j = 0; j < count; j++) {
        b.appendWithOffset(offset, T + random.nextInt(100_000) - 50_000, noise(random, 6), noise(random, 200),
            random.nextInt(3) > 0 ? NONE : new Header[] {new RecordHeader("h" + j, noise(random, 10))});
        offset += random.nextInt(4) == 0 && codec.equals("none") ? 3 : 1;
      }
      b.overrideLastOffset(offset - 1);
      parts.add(bytes(b));
      ends.add(offset);
    }
    long from = random.nextBoolean() ? start : start + random.nextInt((int) (offset - start));
    // As from a broker, which begins with the batch that has the wanted offset.
    for (; ends.get(0) <= from; ends.remove(0)) parts.remove(0);
    byte[] log = concat(parts.toArray(new byte[0][]));
    emit("random " + seed, random.nextBoolean() ? cut(log, log.length - random.nextInt(60)) : log,
        from, random.nextInt(4) > 0, aborted);
  }

  static void legacyCases() {
    for (byte magic = 0; magic <= 1; magic++) {
      MemoryRecordsBuilder b = MemoryRecords.builder(ByteBuffer.allocate(1 << 10), magic, Compression.NONE,
          TimestampType.CREATE_TIME, 0);
      b.append(magic == 0 ? -1 : T, "k".getBytes(), "v".getBytes());
      System.out.println("{\"name\":\"legacy: magic " + magic + "\",\"hex\":\"" + HEX.formatHex(take(b.build())) + "\"}");
    }
  }

  static void murmur2() {
    Random random = new Random(11);
    StringBuilder out = new StringBuilder("{\"name\":\"murmur2\",\"hashes\":[");
    for (int i = 0; i < 300; i++) {
      byte[] key = new byte[i < 40 ? i : random.nextInt(64)];
      random.nextBytes(key);
      out.append(i == 0 ? "" : ",").append("[\"").append(HEX.formatHex(key)).append("\",")
          .append(Utils.murmur2(key)).append(",")
          .append(Utils.toPositive(Utils.murmur2(key)) % 12).append("]");
    }
    System.out.println(out.append("]}"));
  }

  // ---- batches

  static MemoryRecordsBuilder builder(ByteBuffer buffer, String codec, long base, TimestampType type, long appendTime,
      long producerId, short epoch, int sequence, boolean isTransactional, boolean isControl, int leaderEpoch) {
    return new MemoryRecordsBuilder(buffer, RecordBatch.MAGIC_VALUE_V2, Compression.of(codec).build(), type, base,
        appendTime, producerId, epoch, sequence, isTransactional, isControl, leaderEpoch, buffer.capacity());
  }

  static MemoryRecordsBuilder open(String codec, long base, TimestampType type, int leaderEpoch) {
    return builder(ByteBuffer.allocate(1 << 20), codec, base, type, -1, -1, (short) -1, -1, false, false, leaderEpoch);
  }

  static byte[] with(MemoryRecordsBuilder b, String... values) {
    for (String value : values) b.append(T, value.substring(0, 1).getBytes(), value.getBytes(), NONE);
    return bytes(b);
  }

  static byte[] plain(String codec, long base, int count) {
    MemoryRecordsBuilder b = open(codec, base, TimestampType.CREATE_TIME, 1);
    for (int i = 0; i < count; i++) b.append(T + i, ("k" + i).getBytes(), ("plain " + (base + i)).getBytes(), NONE);
    return bytes(b);
  }

  static byte[] txn(long base, long producerId, String... values) {
    return with(builder(ByteBuffer.allocate(1 << 16), "none", base, TimestampType.CREATE_TIME, -1, producerId,
        (short) 0, (int) base, true, false, 1), values);
  }

  static byte[] keyed(long base, long producerId, byte[] key, String value) {
    MemoryRecordsBuilder b = builder(ByteBuffer.allocate(1 << 16), "none", base, TimestampType.CREATE_TIME, -1,
        producerId, (short) 0, (int) base, true, false, 1);
    b.append(T, key, value.getBytes(), NONE);
    return bytes(b);
  }

  static byte[] marker(long offset, long producerId, ControlRecordType type) {
    return take(MemoryRecords.withEndTransactionMarker(offset, T, 1, producerId, (short) 0,
        new EndTransactionMarker(type, 3)));
  }

  static byte[] compact(byte[] log, Set<Long> keep) {
    ByteBuffer out = ByteBuffer.allocate(1 << 16);
    MemoryRecords.readableRecords(ByteBuffer.wrap(log)).filterTo(new MemoryRecords.RecordFilter(T, 5_000) {
      @Override protected BatchRetentionResult checkBatchRetention(RecordBatch batch) {
        return new BatchRetentionResult(BatchRetention.RETAIN_EMPTY, true);
      }

      @Override protected boolean shouldRetainRecord(RecordBatch batch, Record record) {
        return keep.contains(record.offset());
      }
    }, out, BufferSupplier.NO_CACHING);
    out.flip();
    byte[] bytes = new byte[out.remaining()];
    out.get(bytes);
    return bytes;
  }

  static byte[] bytes(MemoryRecordsBuilder b) { return take(b.build()); }

  static byte[] take(MemoryRecords records) {
    byte[] bytes = new byte[records.sizeInBytes()];
    records.buffer().duplicate().get(bytes);
    return bytes;
  }

  static byte[] noise(Random random, int limit) {
    if (random.nextInt(6) == 0) return null;
    byte[] bytes = new byte[random.nextInt(limit)];
    for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) ('a' + random.nextInt(5));
    return bytes;
  }

  static byte[] concat(byte[]... parts) {
    int size = 0;
    for (byte[] part : parts) size += part.length;
    ByteBuffer all = ByteBuffer.allocate(size);
    for (byte[] part : parts) all.put(part);
    return all.array();
  }

  static byte[] cut(byte[] bytes, int length) { return java.util.Arrays.copyOf(bytes, length); }

  // ---- what the client makes of them

  static void emit(String name, byte[] log, long from, boolean isCommitted, List<Aborted> aborted) throws Exception {
    StringBuilder out = new StringBuilder("{\"name\":\"").append(name).append("\",\"from\":").append(from)
        .append(",\"readCommitted\":").append(isCommitted).append(",\"aborted\":[");
    for (int i = 0; i < aborted.size(); i++) {
      out.append(i == 0 ? "" : ",").append("{\"producerId\":").append(aborted.get(i).producerId())
          .append(",\"firstOffset\":").append(aborted.get(i).firstOffset()).append("}");
    }
    out.append("],\"batches\":[");
    String comma = "";
    for (MutableRecordBatch batch : MemoryRecords.readableRecords(ByteBuffer.wrap(log)).batches()) {
      out.append(comma).append(String.format(
          "{\"baseOffset\":%d,\"lastOffset\":%d,\"nextOffset\":%d,\"leaderEpoch\":%d,\"crc\":%d,\"compression\":\"%s\","
          + "\"timestampType\":\"%s\",\"maxTimestamp\":%d,\"producerId\":%d,\"producerEpoch\":%d,\"baseSequence\":%d,"
          + "\"isTransactional\":%b,\"isControl\":%b,\"count\":%d,\"sizeInBytes\":%d}",
          batch.baseOffset(), batch.lastOffset(), batch.nextOffset(), batch.partitionLeaderEpoch(), batch.checksum(),
          batch.compressionType().name, batch.timestampType().name, batch.maxTimestamp(), batch.producerId(),
          batch.producerEpoch(), batch.baseSequence(), batch.isTransactional(), batch.isControlBatch(),
          batch.countOrNull(), batch.sizeInBytes()));
      comma = ",";
    }
    String consumed = consume(log, from, isCommitted, aborted);
    out.append("],").append(consumed, 1, consumed.length() - 1);
    System.out.println(out.append(",\"hex\":\"").append(HEX.formatHex(log)).append("\"}"));
  }

  static String consume(byte[] log, long from, boolean isCommitted, List<Aborted> aborted) throws Exception {
    List<FetchResponseData.AbortedTransaction> list = new ArrayList<>();
    for (Aborted one : aborted) {
      list.add(new FetchResponseData.AbortedTransaction().setProducerId(one.producerId()).setFirstOffset(one.firstOffset()));
    }
    FetchResponseData.PartitionData data = new FetchResponseData.PartitionData().setPartitionIndex(0)
        .setRecords(MemoryRecords.readableRecords(ByteBuffer.wrap(log))).setAbortedTransactions(list);
    LogContext context = new LogContext();
    SubscriptionState subscriptions = new SubscriptionState(context, AutoOffsetResetStrategy.EARLIEST);
    try (Metrics metrics = new Metrics()) {
      FetchMetricsManager manager = new FetchMetricsManager(metrics, new FetchMetricsRegistry());
      CompletedFetch fetch = new CompletedFetch(context.logger(CompletedFetch.class), subscriptions,
          BufferSupplier.create(), TP, data, new FetchMetricsAggregator(manager, Set.of(TP)), from);
      FetchConfig config = new FetchConfig(1, 1 << 30, 500, 1 << 30, 1_000_000, true, "",
          isCommitted ? IsolationLevel.READ_COMMITTED : IsolationLevel.READ_UNCOMMITTED);
      Deserializers<byte[], byte[]> bytes =
          new Deserializers<>(new ByteArrayDeserializer(), new ByteArrayDeserializer(), metrics);
      StringBuilder out = new StringBuilder("{\"records\":[");
      String comma = "";
      for (ConsumerRecord<byte[], byte[]> record : fetch.fetchRecords(config, bytes, 1_000_000)) {
        out.append(comma).append("[").append(record.offset()).append(",").append(record.timestamp()).append(",")
            .append(text(record.key())).append(",").append(text(record.value())).append(",[");
        String headerComma = "";
        for (Header header : record.headers()) {
          out.append(headerComma).append("[\"").append(header.key()).append("\",").append(text(header.value())).append("]");
          headerComma = ",";
        }
        out.append("]]");
        comma = ",";
      }
      return out.append("],\"nextOffset\":").append(fetch.nextFetchOffset()).append("}").toString();
    }
  }

  /** Hex, or for more than 300 bytes their number and SHA-256. */
  static String text(byte[] bytes) throws Exception {
    if (bytes == null) return "null";
    if (bytes.length <= 300) return "\"" + HEX.formatHex(bytes) + "\"";
    return "\"" + bytes.length + ":" + HEX.formatHex(MessageDigest.getInstance("SHA-256").digest(bytes)) + "\"";
  }
}
