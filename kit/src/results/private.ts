/** Strings that would tell whose machine a run was made on. */

/** A path from the root of a file system or a home folder, a Windows drive or share. Tensor names such as /layer4/Relu are none. */
const place =
  /(^|[^\w.])(\/(home|users|root|tmp|var|mnt|media|opt|srv|etc|usr|data|datasets|scratch|work|workspace|volumes|private|content|kaggle|gpfs|lustre|nfs)\/|~\/|file:\/\/|[a-z]:[\\/]\w|\\\\\w)/i;

export const namesPlace = (text: string): boolean => place.test(text);

const address = /[\w.+-]+@[\w-]+(\.[\w-]+)+|\b[\w-]+\.(local|lan|internal|localdomain|home\.arpa)\b/i;

/** A mail address, user@host.domain, or the name of a machine on somebody's network. */
export const namesOwner = (text: string): boolean => address.test(text);

/** Control and format characters (line ends, terminal escapes, bidi marks, zero width): a text is not what it seems. */
export const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u;
