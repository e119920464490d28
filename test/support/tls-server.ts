/** An https server on loopback with a certificate of its own. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import path from 'node:path'

export interface TlsServer {
  /** Without a slash at the end. */
  readonly url: string
  /** PEM file of its certificate. */
  readonly certificate: string
  close(): void
}

/** Undefined where there is no openssl to make a certificate. */
export async function startTls(dir: string, listener: RequestListener): Promise<TlsServer | undefined> {
  const [key, certificate] = [path.join(dir, 'key.pem'), path.join(dir, 'cert.pem')]
  try {
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    execFileSync('openssl', ['req', '-x509', ...curve, '-days', '2', ...subject, '-keyout', key, '-out', certificate], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  const server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    certificate,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
