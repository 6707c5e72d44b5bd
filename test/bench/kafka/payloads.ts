const WORDS = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"];
const DIFFERENT = 10_000;

/** Different JSON texts of so many bytes, the same at every call; they compress about as real ones do. */
export function payloads(bytes: number): readonly string[] {
  let state = 12_345;
  const random = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
  return Array.from({ length: DIFFERENT }, () => {
    const record = {
      id: Math.floor(random() * 1e9),
      time: 1_700_000_000_000 + Math.floor(random() * 1e9),
      price: Math.floor(random() * 1e6) / 100,
      note: "",
    };
    const room = bytes - JSON.stringify(record).length;
    const words: string[] = [];
    for (let length = 0; length < room; length += words.at(-1)?.length ?? 0) {
      words.push(`${WORDS[Math.floor(random() * WORDS.length)]}${Math.floor(random() * 1000)} `);
    }
    return JSON.stringify({ ...record, note: words.join("").slice(0, room) });
  });
}
