/**
 * Promises that are rejected when what they depend on ends, whatever becomes of them.
 *
 * Owns: how to reject those under way. A `Promise.race` with one lasting promise would keep something of
 * every request for as long as that promise lives.
 * Invariants: a promise is forgotten when it settles; after `end` every new one is rejected at once.
 */
export class Abandonable {
  readonly #underWay = new Set<(reason: unknown) => void>();
  #reason: unknown;

  settles<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#reason === undefined) this.#underWay.add(reject);
      else reject(this.#reason);
      promise.then(
        (value) => {
          this.#underWay.delete(reject);
          resolve(value);
        },
        (error: unknown) => {
          this.#underWay.delete(reject);
          reject(error);
        },
      );
    });
  }

  /** Rejects all that is under way; the first reason stays. */
  end(reason: Error): void {
    this.#reason ??= reason;
    for (const reject of this.#underWay) reject(this.#reason);
    this.#underWay.clear();
  }
}
