#include "options/secret_resolver.h"

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "options/options.h"

namespace weir::options {
namespace {

constexpr std::string_view kVariable = "$env:";
constexpr std::string_view kFile = "$file:";

bool is_variable_name(std::string_view name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0) return false;
  for (const char letter : name) {
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0 && letter != '_') return false;
  }
  return true;
}

std::unexpected<Error> unresolvable(std::string message) {
  return fail(ErrorCode::secret_unresolvable, std::move(message));
}

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nothing here changes the environment
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::unexpected<Error> unreadable(const std::string& path) {
  return unresolvable("secret file " + path + " cannot be read: " + std::generic_category().message(errno));
}

// Bytes up to one more than allowed, so that the caller sees that there are too many.
Result<std::string> read_up_to(const Descriptor& file, const std::string& path, size_t bytes_max) {
  std::string content(bytes_max + 1, '\0');
  size_t size = 0;
  while (size < content.size()) {
    const ssize_t got = read(file.get(), content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(path);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  content.resize(size);
  return content;
}

Result<std::string> secret_file(const std::string& path) {
  if (!path.starts_with('/')) return unresolvable("$file: needs an absolute path, as in $file:/run/secrets/pg_prod");
  // Not blocking: opening a pipe would wait for its writer.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return unreadable(path);
  struct stat info{};
  if (fstat(file.get(), &info) != 0) return unreadable(path);
  if (!S_ISREG(info.st_mode)) return unresolvable("secret file " + path + " is not a regular file");
  std::string content = WEIR_TRY(read_up_to(file, path, kSecretFileBytesMax));
  if (content.size() > kSecretFileBytesMax) {
    return unresolvable("secret file " + path + " is larger than " + std::to_string(kSecretFileBytesMax) + " bytes");
  }
  if (content.ends_with('\n')) content.pop_back();
  if (content.ends_with('\r')) content.pop_back();
  if (content.empty()) return unresolvable("secret file " + path + " is empty");
  if (content.find('\0') != std::string::npos) return unresolvable("secret file " + path + " holds a NUL byte");
  return content;
}

// "$vault:…" and the like; a later version may know them, this one must not take them for passwords.
bool has_unknown_scheme(std::string_view text) {
  const size_t colon = text.find(':');
  return text.starts_with('$') && colon != std::string_view::npos && is_variable_name(text.substr(1, colon - 1));
}

Result<nlohmann::json> resolved_option(const Option& option, const nlohmann::json& value, const SecretResolver& secrets,
                                       const std::string& prefix);

Result<nlohmann::json> resolved_group(const Group& group, const nlohmann::json& value, const SecretResolver& secrets,
                                      const std::string& prefix) {
  nlohmann::json resolved = value;
  for (const Option& option : group.options) {
    const auto given = value.find(option.name);
    if (given == value.end()) continue;
    resolved[std::string(option.name)] = WEIR_TRY(resolved_option(option, *given, secrets, prefix));
  }
  return resolved;
}

Result<nlohmann::json> resolved_option(const Option& option, const nlohmann::json& value, const SecretResolver& secrets,
                                       const std::string& prefix) {
  const std::string path = prefix + std::string(option.name);
  if (option.type == ValueType::group) return resolved_group(*option.group, value, secrets, path + ".");
  if (option.type != ValueType::string || !option.choices.empty()) return value;
  auto text = secrets.resolve(value.get_ref<const std::string&>());
  if (!text) return unresolvable("option " + path + ": " + text.error().message);
  return nlohmann::json(*std::move(text));
}

}  // namespace

SecretResolver::SecretResolver() : environment_(process_environment) {}

Result<std::string> SecretResolver::resolve(std::string_view reference) const {
  if (reference.starts_with(kVariable)) return variable(reference.substr(kVariable.size()));
  if (reference.starts_with(kFile)) return secret_file(std::string(reference.substr(kFile.size())));
  if (has_unknown_scheme(reference)) {
    return unresolvable("unknown kind of secret reference; known are $env:NAME, $file:/path and ${NAME}");
  }
  return expand(reference);
}

Result<std::string> SecretResolver::variable(std::string_view name) const {
  // What is no name may be a secret by mistake, so it is not repeated.
  if (!is_variable_name(name))
    return unresolvable("secret reference does not hold the name of an environment variable");
  auto value = environment_(std::string(name));
  if (!value) return unresolvable("environment variable " + std::string(name) + " is not set");
  if (value->empty()) return unresolvable("environment variable " + std::string(name) + " is empty");
  return *std::move(value);
}

Result<std::string> SecretResolver::expand(std::string_view text) const {
  std::string expanded;
  while (true) {
    const size_t start = text.find("${");
    expanded.append(text.substr(0, start));
    if (start == std::string_view::npos) return expanded;
    const size_t end = text.find('}', start);
    if (end == std::string_view::npos) return unresolvable("secret reference ${…} is not closed");
    expanded += WEIR_TRY(variable(text.substr(start + 2, end - start - 2)));
    text.remove_prefix(end + 1);
  }
}

bool is_reference(std::string_view text) {
  if (text.starts_with(kVariable)) return is_variable_name(text.substr(kVariable.size()));
  if (text.starts_with(kFile)) return text.substr(kFile.size()).starts_with('/');
  return text.starts_with("${") && text.ends_with('}') && is_variable_name(text.substr(2, text.size() - 3));
}

Result<nlohmann::json> resolve_references(const Group& group, const nlohmann::json& validated,
                                          const SecretResolver& secrets) {
  return resolved_group(group, validated, secrets, "");
}

}  // namespace weir::options
