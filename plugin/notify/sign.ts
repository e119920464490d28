import { createHmac } from 'node:crypto'

const PREFIX = 'whsec_'

/** The key in a secret: `whsec_` and base64, as Standard Webhooks writes it; or any other text, whose bytes it is. */
export const keyOf = (secret: string): Buffer => (secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), 'base64') : Buffer.from(secret))

/**
 * The headers of Standard Webhooks 1.0.0 (standardwebhooks.com): who receives it verifies with any of its libraries that this mirror sent
 * it, whole, just now. Without a key there is the id alone, by which a receiver knows what it has.
 * @param at of this attempt: receivers refuse what is older than some minutes
 */
export function webhookHeaders(message: { readonly id: string; readonly body: string }, at: Date, key: Buffer | undefined): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(at.getTime() / 1000))
  const plain = { 'webhook-id': message.id, 'webhook-timestamp': timestamp }
  if (key === undefined) return plain
  const signature = createHmac('sha256', key).update(`${message.id}.${timestamp}.${message.body}`).digest('base64')
  return { ...plain, 'webhook-signature': `v1,${signature}` }
}
