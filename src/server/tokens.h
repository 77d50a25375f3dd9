/// Bearer tokens and the roles they stand for.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace weir::server {

/// The tokens of one file: a line each, `token role [schema,…]`; a line that begins with # is a comment. Only hashes
/// of the tokens stay in memory.
class Tokens {
 public:
  /// Errors: invalid_option; the file is missing, readable by others than its owner, empty, or a line is wrong. The
  /// message names the line, never the token.
  static Result<Tokens> read(const std::filesystem::path& file);
  static Result<Tokens> parse(std::string_view text);

  /// Who sent "Authorization: Bearer <token>"; null stands for no such header. Takes the same time for every token
  /// that does not fit. Errors: unauthenticated.
  Result<engine::Principal> authenticate(const std::string* authorization) const;

 private:
  using Hash = std::array<uint8_t, 32>;
  struct Entry {
    Hash hash;
    engine::Principal principal;
  };

  static Hash hash_of(std::string_view token);
  static Result<Entry> parse_line(std::string_view line, int number);
  const Entry* find(std::string_view token) const;

  std::vector<Entry> entries_;
};

}  // namespace weir::server
