/// Places in PostgreSQL's write-ahead log.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "connector/changes.h"

namespace weir::postgres {

/// A byte of the log. 0 is none.
struct Lsn {
  uint64_t value = 0;

  auto operator<=>(const Lsn&) const = default;
  explicit operator bool() const { return value != 0; }
};

/// PostgreSQL's own form, "16/B374D848".
std::string to_text(Lsn lsn);
/// The reverse; nothing when it is no LSN.
std::optional<Lsn> lsn_of(std::string_view text);
/// 16 upper-case hexadecimal digits.
connector::Position to_position(Lsn lsn);
/// The reverse; an empty position is 0. Errors: data_dir_damaged.
Result<Lsn> lsn_at(const connector::Position& position);

}  // namespace weir::postgres
