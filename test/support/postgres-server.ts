import { spawnSync } from "node:child_process";
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { freePort } from "./free-port.js";
import { GuardedProcess } from "./guarded-process.js";

/** How a client reaches the server. */
export interface PostgresConnection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface PostgresServerOptions {
  /** Settings as in postgresql.conf, such as `{ wal_level: "logical" }`. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** Whether commits wait for the disk; default false. */
  readonly fsync?: boolean;
}

/** A Postgres of its own: a process, a port of the loopback and a temporary directory. */
export interface PostgresServer {
  readonly connection: PostgresConnection;
  /** Runs statements with a client of their own, and gives the rows of the last one. */
  query<R = Record<string, unknown>>(sql: string, values?: readonly unknown[]): Promise<R[]>;
  /** Ends it as a crash does: all its processes at once; the data stays, for `start`. */
  kill(): Promise<void>;
  /** Starts it again, on the same port and data, after `kill`. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

const USER = "headwater";
const PASSWORD = "no-secret-of-anybody";
const SETTINGS = {
  max_prepared_transactions: 50,
  max_connections: 80,
  shared_buffers: "32MB",
  synchronous_commit: "on",
  log_min_messages: "fatal",
};
/** Starting takes well under a second; recovery after a kill a little more. */
const LONGEST_START = 30_000;

interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

/** Why no server can run here, in one line; undefined when it can. */
export function whyNoPostgres(): string | undefined {
  if (programs() === undefined) {
    return "Postgres is not installed (no initdb in /usr/lib/postgresql/*/bin or PATH)";
  }
  if (identity() === undefined) {
    return "Postgres does not run as root, and there is no user postgres or nobody to run it as";
  }
  return undefined;
}

/** Makes a database cluster and starts it. Rejects with the line of `whyNoPostgres`. */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const bin = programs();
  const as = identity();
  if (bin === undefined || as === undefined) throw new Error(whyNoPostgres());
  const root = mkdtempSync(join(tmpdir(), "headwater-postgres-"));
  const data = join(root, "data");
  try {
    // Passwords reach initdb in a file: arguments are public.
    const passwordFile = join(root, "password");
    writeFileSync(passwordFile, PASSWORD);
    chmodSync(passwordFile, 0o600);
    if (as.uid !== undefined) {
      for (const path of [root, passwordFile]) chownSync(path, as.uid, as.gid ?? as.uid);
    }
    initdb(bin, data, passwordFile, root, as);
    const port = await freePort();
    const running = new RunningServer(bin, root, data, port, options, as);
    await running.start();
    return running;
  } catch (error) {
    rmSync(root, { recursive: true, force: true });
    throw error;
  }
}

/** A server for the tests of a file; where none can run, they say why and do nothing. */
export function usePostgres(options: PostgresServerOptions = {}): () => PostgresServer {
  let server: PostgresServer | undefined;
  const why = whyNoPostgres();
  beforeAll(async () => {
    if (why === undefined) server = await startPostgres(options);
  }, LONGEST_START);
  afterAll(() => server?.stop());
  beforeEach(({ skip }) => {
    if (why !== undefined) skip(why);
  });
  return () => {
    if (server === undefined) throw new Error(why ?? "Postgres has not started");
    return server;
  };
}

class RunningServer implements PostgresServer {
  readonly connection: PostgresConnection;
  readonly #bin: string;
  readonly #root: string;
  readonly #arguments: readonly string[];
  readonly #as: Identity;
  #process: GuardedProcess | undefined;

  constructor(
    bin: string,
    root: string,
    data: string,
    port: number,
    { settings, fsync = false }: PostgresServerOptions,
    as: Identity,
  ) {
    this.#bin = bin;
    this.#root = root;
    this.#as = as;
    this.connection = {
      host: "127.0.0.1",
      port,
      user: USER,
      password: PASSWORD,
      database: "postgres",
    };
    const all = {
      ...SETTINGS,
      fsync: fsync ? "on" : "off",
      listen_addresses: "127.0.0.1",
      port,
      unix_socket_directories: "",
      ...settings,
    };
    this.#arguments = ["-D", data, ...Object.entries(all).flatMap(([k, v]) => ["-c", `${k}=${v}`])];
  }

  async start(): Promise<void> {
    const started = new GuardedProcess({
      ...this.#as,
      command: [join(this.#bin, "postgres"), ...this.#arguments],
      directory: this.#root,
      // Its immediate shutdown, which ends its children too.
      signal: "QUIT",
      env: { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" },
    });
    this.#process = started;
    await this.#untilReady(started);
  }

  async query<R>(sql: string, values?: readonly unknown[]): Promise<R[]> {
    const client = new Client({ ...this.connection, connectionTimeoutMillis: 2000 });
    client.on("error", () => {});
    await client.connect();
    try {
      const result = await client.query(sql, values === undefined ? undefined : [...values]);
      const last = Array.isArray(result) ? result.at(-1) : result;
      return (last?.rows ?? []) as R[];
    } finally {
      await client.end();
    }
  }

  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    let backends: readonly number[] = [];
    await running?.end((postmaster) => {
      // It must not make another backend while they are looked for: each is in a group of its own.
      signal(postmaster, "SIGSTOP");
      backends = childrenOf(postmaster);
      for (const pid of [...backends, postmaster]) signal(pid, "SIGKILL");
    });
    // The next start is refused while one of them has the shared memory.
    while (backends.some((pid) => signal(pid, 0))) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async stop(): Promise<void> {
    // What is in the directory is thrown away: there is nothing to shut down in good order.
    await this.kill();
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }

  async #untilReady(started: GuardedProcess): Promise<void> {
    const end = Date.now() + LONGEST_START;
    for (;;) {
      try {
        await this.query("SELECT 1");
        return;
      } catch (error) {
        if (started.hasEnded || Date.now() > end) {
          await this.kill();
          throw new Error(`Postgres did not start: ${started.output}`, { cause: error });
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }
}

/** False when the process has ended. */
function signal(pid: number, which: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, which);
  } catch {
    return false;
  }
}

function initdb(bin: string, data: string, passwordFile: string, cwd: string, as: Identity): void {
  const made = spawnSync(
    join(bin, "initdb"),
    [
      "-D",
      data,
      "-U",
      USER,
      "-A",
      "scram-sha-256",
      `--pwfile=${passwordFile}`,
      "-E",
      "UTF8",
    ].concat(["--no-sync", "--no-locale"]),
    { ...as, cwd, encoding: "utf8", env: { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" } },
  );
  if (made.status !== 0) {
    throw new Error(`initdb failed: ${made.error?.message ?? ""} ${made.stderr}`);
  }
}

let found: { readonly bin: string | undefined } | undefined;

/** The directory with initdb and postgres, of the newest version. */
function programs(): string | undefined {
  found ??= { bin: candidates().find((bin) => isProgram(join(bin, "initdb"))) };
  return found.bin;
}

function candidates(): readonly string[] {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian) : [];
  return [
    ...versions
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(debian, version, "bin")),
    ...(process.env.PATH ?? "").split(delimiter).filter((path) => path !== ""),
  ];
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whom the server runs as: nobody else, or when this is root, a user without rights. */
function identity(): Identity | undefined {
  if (process.getuid?.() !== 0) return {};
  for (const user of ["postgres", "nobody"]) {
    const [uid, gid] = ["-u", "-g"].map((which) => {
      const { status, stdout } = spawnSync("id", [which, user], { encoding: "utf8" });
      return status === 0 ? Number(stdout) : undefined;
    });
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  return undefined;
}

function childrenOf(pid: number): readonly number[] {
  const { status, stdout } = spawnSync("ps", ["-o", "pid=", "--ppid", String(pid)], {
    encoding: "utf8",
  });
  return status === 0 ? stdout.trim().split(/\s+/).filter(Boolean).map(Number) : [];
}
