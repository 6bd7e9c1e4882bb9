/** What a run document says of its protocol besides the name. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { canonicalJson } from "../json.ts";
import type { Protocol } from "./protocol.ts";

/** sha256 of the protocol as canonical JSON. */
export const protocolHash = (protocol: Protocol): string =>
  bytesToHex(sha256(utf8ToBytes(canonicalJson(protocol))));
