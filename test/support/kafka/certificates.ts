import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "./kafka-jars.js";

const PASSWORD = "keystore-of-a-test";

/** A certificate authority of the test's own, and a broker's certificate from it, for 127.0.0.1 alone. */
export interface TestCertificates {
  /** The authority's certificate, PEM. */
  readonly ca: string;
  /** That of another authority, which has signed nothing. */
  readonly otherCa: string;
  /** What a broker needs to show its certificate. */
  readonly brokerProperties: Readonly<Record<string, string>>;
  /** Removes the files. */
  remove(): void;
}

/** Makes them with Java's keytool, which is wherever a broker can run. */
export async function makeCertificates(): Promise<TestCertificates> {
  const directory = mkdtempSync(join(tmpdir(), "headwater-certificates-"));
  const keystore = join(directory, "keys.p12");
  const pem = (name: string): string => join(directory, `${name}.pem`);
  const keytool = (command: string, ...args: readonly string[]): Promise<string> =>
    runProgram(
      "keytool",
      [`-${command}`, "-keystore", keystore, "-storepass", PASSWORD, ...args],
      directory,
    );
  const newKey = (alias: string, ...extensions: readonly string[]): Promise<string> =>
    keytool(
      "genkeypair",
      ...["-alias", alias, "-dname", `CN=${alias}`, "-keyalg", "EC", "-groupname", "secp256r1"],
      ...["-validity", "2", ...extensions],
    );
  await newKey("ca", "-ext", "bc:c");
  await newKey("other", "-ext", "bc:c");
  await newKey("broker");
  await keytool("certreq", "-alias", "broker", "-file", pem("request"));
  await keytool(
    "gencert",
    ...["-alias", "ca", "-infile", pem("request"), "-outfile", pem("broker"), "-rfc"],
    ...["-ext", "san=ip:127.0.0.1", "-validity", "2"],
  );
  await keytool("importcert", "-alias", "broker", "-file", pem("broker"), "-noprompt");
  for (const alias of ["ca", "other"]) {
    await keytool("exportcert", "-alias", alias, "-rfc", "-file", pem(alias));
  }
  // A broker takes the only key that there is.
  for (const alias of ["ca", "other"]) await keytool("delete", "-alias", alias);
  return {
    ca: readFileSync(pem("ca"), "utf8"),
    otherCa: readFileSync(pem("other"), "utf8"),
    brokerProperties: {
      "ssl.keystore.location": keystore,
      "ssl.keystore.password": PASSWORD,
      "ssl.key.password": PASSWORD,
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
