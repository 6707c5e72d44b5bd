import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** Who may look at a job: whoever reaches the loopback interface, unless there is a token. */
export class Access {
  readonly #token: Buffer | undefined;

  constructor(token: string | undefined) {
    this.#token = token === undefined ? undefined : digest(token);
  }

  /**
   * Whether the request names this machine as its host, and comes from no other site's page: a name of
   * somebody's that points here must not make a browser show what only this user may see.
   */
  isLocal({ headers }: IncomingMessage): boolean {
    if (!isLoopbackHost(headers.host)) return false;
    const { origin } = headers;
    if (origin === undefined) return true;
    return origin === `http://${headers.host}`;
  }

  /** Whether the address has the token, if there is one. */
  isAllowed(url: URL): boolean {
    if (this.#token === undefined) return true;
    const given = digest(url.searchParams.get("token") ?? "");
    return timingSafeEqual(given, this.#token);
  }
}

function isLoopbackHost(host: string | undefined): boolean {
  return host !== undefined && /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/.test(host);
}

/** Of equal length whatever the token, which timing must not tell. */
function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
