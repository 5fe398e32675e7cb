// The world's failures as values: Result<T> is a T or an Error with a sentence.
//
// A bug is never a Result: PF_CHECK (core/check.h) ends the process with the stacks.
// Thread-safety: plain values, as safe as int. Ownership: owns its T or its text. Never blocks.
// Fails: reading the side that is not there is a bug and aborts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "core/check.h"

namespace pilotfish::core {

// What a program does differently; everything else is for people to read.
enum class ErrorKind : std::uint8_t {
    other,
    timed_out,  // the caller's deadline came first; what was asked for may still come true
    closed,     // the thing waited on was closed, or shut down, on this side
};

// What went wrong, for people. The sentence starts with "cannot", names what could not be done, to
// what, and why, and where possible ends with the mend.
struct Error {
    std::string message;
    int system_errno = 0;  // errno(3) behind it; 0: none
    ErrorKind kind = ErrorKind::other;

    bool timed_out() const { return kind == ErrorKind::timed_out; }
    bool closed() const { return kind == ErrorKind::closed; }

    // The same failure seen from one level up: "cannot start web: cannot open /x: permission
    // denied".
    Error within(std::string_view what) const {
        return {std::string(what) + ": " + message, system_errno, kind};
    }
};

// "cannot WHAT: <text of errno>"; pass what without "cannot".
Error system_error(std::string_view what, int system_errno);

template <class T>
class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }

    // Requires: ok().
    T& value() & { return checked(); }
    const T& value() const& { return const_cast<Result*>(this)->checked(); }
    T&& value() && { return std::move(checked()); }
    T& operator*() & { return checked(); }
    const T& operator*() const& { return const_cast<Result*>(this)->checked(); }
    T* operator->() { return &checked(); }
    const T* operator->() const { return &const_cast<Result*>(this)->checked(); }

    // Requires: !ok().
    const Error& error() const {
        PF_CHECK(!ok(), "error() of a Result that holds a value");
        return std::get<1>(state_);
    }

  private:
    T& checked() {
        PF_CHECK(ok(), std::get<1>(state_).message);
        return std::get<0>(state_);
    }
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error error) : failed_(true), error_(std::move(error)) {}

    bool ok() const { return !failed_; }
    explicit operator bool() const { return ok(); }
    const Error& error() const {
        PF_CHECK(!ok(), "error() of a Result that holds no error");
        return error_;
    }

  private:
    bool failed_ = false;
    Error error_;
};

}  // namespace pilotfish::core
