/** A CONNECT proxy as a process of its own: ending it cuts whoever goes through it off from the network. */
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'

const server = http.createServer((_request, response) => { response.writeHead(405).end() })
server.on('connect', (request, socket, head) => {
  const { hostname, port } = new URL(`https://${request.url ?? ''}`)
  const target = net.connect(Number(port === '' ? 443 : port), hostname, () => {
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
    target.write(head)
    target.pipe(socket).pipe(target)
  })
  target.on('error', () => socket.destroy())
  socket.on('error', () => target.destroy())
})
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${String((server.address() as AddressInfo).port)}\n`)
})
