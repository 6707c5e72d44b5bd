import type { KafkaSasl } from "./connection-options.js";

/** A message of the driver without the password, should it stand in it. */
export function redacted(message: string, sasl: KafkaSasl | undefined): string {
  if (sasl === undefined) return message;
  // A token provider's own errors may show anything.
  if (sasl.mechanism === "oauthbearer" && !message.startsWith("SASL ")) {
    return "the log-in has failed";
  }
  const password = sasl.mechanism === "oauthbearer" ? "" : sasl.password;
  return password === "" ? message : message.replaceAll(password, "(not shown)");
}
