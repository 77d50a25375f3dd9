#include "server/tokens.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include "base/descriptor.h"
#include "server/http.h"

namespace weir::server {
namespace {

/// Shorter ones can be guessed over the network.
constexpr size_t kTokenLengthMin = 16;
constexpr size_t kTokenLengthMax = 512;
constexpr off_t kFileBytesMax = 1 << 20;
constexpr std::string_view kGoodToken = "Make one with: openssl rand -hex 32";

/// RFC 6750: what may stand behind "Bearer".
bool is_token(std::string_view text) {
  return text.size() >= kTokenLengthMin && text.size() <= kTokenLengthMax && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view("-._~+/=").find(c) != std::string_view::npos;
         });
}

std::optional<engine::Role> role_of(std::string_view name) {
  for (const auto role : {engine::Role::read, engine::Role::write, engine::Role::admin}) {
    if (engine::to_string(role) == name) return role;
  }
  return std::nullopt;
}

std::unexpected<Error> bad_line(int number, std::string_view what, std::string_view hint) {
  return fail(ErrorCode::invalid_option, "token file line " + std::to_string(number) + ": " + std::string(what),
              std::string(hint));
}

std::unexpected<Error> unauthenticated(std::string message) {
  return fail(ErrorCode::unauthenticated, std::move(message));
}

std::vector<std::string> split_schemas(std::string_view text) {
  std::vector<std::string> schemas;
  std::istringstream list{std::string(text)};
  for (std::string schema; std::getline(list, schema, ',');) {
    if (!schema.empty()) schemas.push_back(schema);
  }
  return schemas;
}

Status check_private(const struct stat& status, const std::filesystem::path& file) {
  if (!S_ISREG(status.st_mode))
    return fail(ErrorCode::invalid_option, "token file is no regular file: " + file.string());
  if ((status.st_mode & 077) != 0) {
    return fail(ErrorCode::invalid_option, "token file may be used by others than its owner: " + file.string(),
                "Run: chmod 0600 " + file.string());
  }
  if (status.st_size > kFileBytesMax)
    return fail(ErrorCode::invalid_option, "token file is larger than 1 MiB: " + file.string());
  return {};
}

}  // namespace

Result<Tokens> Tokens::read(const std::filesystem::path& file) {
  const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (!descriptor || ::fstat(descriptor.get(), &status) != 0) {
    return fail(ErrorCode::invalid_option,
                "token file cannot be opened: " + file.string() + ": " + std::generic_category().message(errno));
  }
  WEIR_TRY(check_private(status, file));
  std::string text(static_cast<size_t>(status.st_size), '\0');
  const ssize_t got = ::read(descriptor.get(), text.data(), text.size());
  if (got != status.st_size) return fail(ErrorCode::invalid_option, "token file cannot be read: " + file.string());
  auto tokens = parse(text);
  OPENSSL_cleanse(text.data(), text.size());
  return tokens;
}

Result<Tokens> Tokens::parse(std::string_view text) {
  Tokens tokens;
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == text.npos ? std::string_view{} : text.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = trimmed(line);
    if (line.empty() || line.starts_with('#')) continue;
    Entry entry = WEIR_TRY(parse_line(line, number));
    if (std::ranges::any_of(tokens.entries_, [&](const Entry& other) { return other.hash == entry.hash; })) {
      return bad_line(number, "the token stands on an earlier line, too", "Give each token once.");
    }
    tokens.entries_.push_back(std::move(entry));
  }
  if (tokens.entries_.empty())
    return fail(ErrorCode::invalid_option, "token file holds no token", std::string(kGoodToken));
  return tokens;
}

Result<Tokens::Entry> Tokens::parse_line(std::string_view line, int number) {
  std::istringstream words{std::string(line)};
  std::string token, role_text, schemas, rest;
  words >> token >> role_text >> schemas >> rest;
  if (!is_token(token)) {
    return bad_line(number, "a token is 16 to 512 letters, digits or any of -._~+/=", kGoodToken);
  }
  const auto role = role_of(role_text);
  if (!role) return bad_line(number, "the role is not read, write or admin", "Write: token role [schema,…]");
  if (!rest.empty())
    return bad_line(number, "there is something behind the schemas", "Write schemas with commas, without spaces.");
  engine::Principal principal{"token-line-" + std::to_string(number), *role, split_schemas(schemas)};
  // Without any, the token would be confined by nothing.
  if (!schemas.empty() && principal.schemas.empty())
    return bad_line(number, "the schemas have no name among them", "Name the schemas, or leave them out for all.");
  if (*role == engine::Role::admin && !principal.schemas.empty()) {
    return bad_line(number, "an admin token cannot be confined to schemas",
                    "Leave the schemas out, or use the role write.");
  }
  return Entry{hash_of(token), std::move(principal)};
}

Tokens::Hash Tokens::hash_of(std::string_view token) {
  Hash hash{};
  unsigned size = 0;
  ::EVP_Digest(token.data(), token.size(), hash.data(), &size, ::EVP_sha256(), nullptr);
  return hash;
}

/// Compares hashes of one length, all of them, so that the time tells nothing about a token.
const Tokens::Entry* Tokens::find(std::string_view token) const {
  const Hash hash = hash_of(token);
  const Entry* found = nullptr;
  for (const Entry& entry : entries_) {
    if (::CRYPTO_memcmp(entry.hash.data(), hash.data(), hash.size()) == 0) found = &entry;
  }
  return found;
}

Result<engine::Principal> Tokens::authenticate(const std::string* authorization) const {
  if (authorization == nullptr) return unauthenticated("request carries no token");
  const std::string_view text(*authorization);
  const size_t space = text.find(' ');
  if (space == text.npos || !equals_ignoring_case(text.substr(0, space), "Bearer")) {
    return unauthenticated("Authorization is not of the form 'Bearer <token>'");
  }
  const Entry* entry = find(trimmed(text.substr(space + 1)));
  if (entry == nullptr) return unauthenticated("token is not in the server's token file");
  return entry->principal;
}

}  // namespace weir::server
