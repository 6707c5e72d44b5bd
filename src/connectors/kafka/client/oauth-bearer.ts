import type { KafkaSasl } from "./connection-options.js";

type OAuthBearer = Extract<KafkaSasl, { readonly mechanism: "oauthbearer" }>;

/** Sends bytes of the log-in, and gives what the broker answers, as kafkajs has both: with their length before them. */
type SaslAuthenticate = (exchange: {
  readonly request: { encode(): Buffer };
  readonly response: { decode(bytes: Buffer): Buffer; parse(bytes: Buffer): Buffer };
}) => Promise<Buffer>;

const SEPARATOR = "\u0001";

/**
 * The log-in with a token (RFC 7628) in place of kafkajs's, which takes a refusal for a success: a broker
 * refuses with an answer that is no error yet, and waits for one byte more to make it one.
 */
export function oauthBearerAuthentication({ oauthBearerProvider }: OAuthBearer) {
  return ({ saslAuthenticate }: { readonly saslAuthenticate: SaslAuthenticate }) => ({
    async authenticate(): Promise<void> {
      const { value, extensions = {} } = await oauthBearerProvider();
      const parts = [`auth=Bearer ${value}`];
      for (const [name, text] of Object.entries(extensions)) parts.push(`${name}=${text}`);
      const send = (text: string): Promise<string> =>
        saslAuthenticate({ request: { encode: () => prefixed(text) }, response: UNPREFIXED }).then(
          String,
          (error: Error) => {
            error.message = `SASL OAUTHBEARER: ${error.message.replaceAll(value, "(not shown)")}`;
            throw error;
          },
        );
      const refusal = await send(`n,,${SEPARATOR}${parts.join(SEPARATOR)}${SEPARATOR.repeat(2)}`);
      if (refusal === "") return;
      await send(SEPARATOR);
      throw new SaslRefused(`SASL OAUTHBEARER: ${refusal.replaceAll(value, "(not shown)")}`);
    },
  });
}

class SaslRefused extends Error {
  override readonly name = "KafkaJSSASLAuthenticationError";
}

const LENGTH_BYTES = 4;

function prefixed(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

const UNPREFIXED = {
  decode: (bytes: Buffer): Buffer => bytes.subarray(LENGTH_BYTES),
  parse: (bytes: Buffer): Buffer => bytes,
};
