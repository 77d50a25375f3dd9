/// `Result<T>`: a value or an `Error`. Exceptions of libraries stop at the folder that calls them.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "base/error.h"

namespace weir {

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

/// An error ready to be returned from any function that returns a `Result`.
[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message, std::string hint = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(hint), {}});
}
[[nodiscard]] inline std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }

namespace detail {
template <typename T>
T take(Result<T>& result) {
  return std::move(*result);
}
inline void take(Status&) {}
}  // namespace detail

}  // namespace weir

/// The value of a `Result`, or return its error from the enclosing function: `auto n = WEIR_TRY(parse(text));`
#define WEIR_TRY(expression)                                               \
  ({                                                                       \
    auto weir_result = (expression);                                       \
    if (!weir_result) return ::weir::fail(std::move(weir_result.error())); \
    ::weir::detail::take(weir_result);                                     \
  })
