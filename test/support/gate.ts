/** Lets nobody pass until it is opened. */
export class Gate {
  readonly #opened: Promise<void>;
  #open: () => void = () => {};

  constructor() {
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  pass(): Promise<void> {
    return this.#opened;
  }

  open(): void {
    this.#open();
  }
}
