/** What a person saw, without what differs from run to run. */

/** Progress, times, stacks, and advice that is about something else. */
const NOISE = [
  /^npm error A complete log of this run/,
  /^\s*$/,
  /^ {4}at /,
  // yarn 1 stumbles over what it did not download, or does not get that far.
  /^error Error: ENOENT/,
  /^info (?:Visit|No lockfile found)/,
  /^yarn install v|^bun install v|^➤ YN0000:|^\[\d\/\d\] /,
  /^(?:Progress:|Packages:|\++$|Resolving dependencies|Resolved, downloaded|Download |Initialize |Saved lockfile)/,
  /^(?:Lockfile is up to date|. Verifying lockfile|. Lockfile passes)/,
  /^(?:No authorization settings|These authorization settings|Try to log in|or add the auth tokens|@\S+:registry=)/,
  /^(?:Done in|Installed \d|Reused \d|Downloaded \d|\+$|dependencies:|Dependencies:|optionalDependencies:|\d+ packages? installed|(?:added|removed|changed) \d)/,
  /^\s*(?:Content-addressable store|Virtual store) is at|^Packages are hard linked/,
  /^[+-] \S|^\+ npm:/,
]

const LONGEST = 500
const shortened = (line: string): string => (line.length <= LONGEST ? line : `${line.slice(0, LONGEST)} …`)

export function shown(output: string): string {
  const stable = output
    .replace(/http:\/\/(?:localhost|127\.0\.0\.1):\d+/g, 'http://localhost:4873')
    .replace(/sha512-\s*(?:[A-Za-z0-9+/]\s*){86}==/g, 'sha512-…')
    .replace(/[A-Za-z0-9+/]{86}==/g, '…')
    .replace(/sha1-[A-Za-z0-9+/]{27}=/g, 'sha1-…')
    .replace(/"policyRevision":"\w+"/g, '"policyRevision":"…"')
    .replace(/\d{1,2}\/\d{1,2}\/\d{4}/g, '<date>')
    .replace(/\r/g, '')
  return stable.split('\n').filter((line) => !NOISE.some((noise) => noise.test(line))).map((line) => shortened(line.trimEnd())).join('\n')
}
