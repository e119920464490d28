/** What follows the @ of `name@1.0.0-canary.abc` is a version. */
const ADDRESS = /[^\s/@:<>()]{1,64}@(?!\d{1,10}\.\d{1,10}\.\d)(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}/g

/** A signer or a user may be a person, and no e-mail address is ever shown or logged. */
export const withoutMail = (text: string): string => (text.includes('@') ? text.replace(ADDRESS, '[e-mail address]') : text)
