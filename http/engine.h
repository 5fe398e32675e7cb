// One request through cpp-httplib, in memory: the guard hands over a whole, checked request and
// gets back the bytes of the answer. httplib parses the target and its parameters and writes the
// answer; it never sees a socket, and of the client's header fields it sees none but Host.
//
// Why so: version 0.11.4 holds a thread for each connection, has no deadline for a head, no cap on
// header count, drops pipelined requests, runs std::regex (which recurses once a character) over
// paths and Range fields, and lets a client shadow REMOTE_ADDR. In memory, behind a strict parser,
// with one pre-routing handler instead of its regex routes, none of that code is reached.
//
// Threads: answer() on any number of threads at once. Ownership: borrows the router. Blocks as long
// as the page does. Fails: a page that throws is a 500.
#pragma once

#include <memory>
#include <string>

#include "http/routes.h"

namespace pilotfish::http {

struct Answer {
    std::string bytes;  // head and body, or the head alone when a stream follows
    std::unique_ptr<BodyStream> stream;
    bool chunked = false;  // how the stream's pieces are framed; else the close ends it
    bool close = false;    // the connection ends with this answer
    int status = 0;
    std::size_t route = PlaneStats::kNoRoute;
    Afterwards after;
};

class Engine {
  public:
    explicit Engine(const Router& router);
    ~Engine();

    Answer answer(const Head& head, std::string_view body, const Peer& peer, ListenerKind listener,
                  bool close) const;

  private:
    class Httplib;
    std::unique_ptr<Httplib> httplib_;
};

// An answer without httplib, for what the guard refuses itself. Closes.
Answer refusal_answer(int status, std::string_view detail);

}  // namespace pilotfish::http
