import RestoreConcurrency

// restore-bench [THREADS]: commands on stdin, one JSON line on stdout for each. See Server.swift.
let threads = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? WorkerPool.availableProcessors
var server = Server(pool: WorkerPool(workerCount: max(1, threads)))
server.serve()
