#include "options/secret_resolver.h"

#include <filesystem>
#include <fstream>
#include <map>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "options/example_options.h"

namespace weir::options {
namespace {

SecretResolver resolver() {
  return SecretResolver([](const std::string& name) -> std::optional<std::string> {
    const std::map<std::string, std::string> variables{
        {"PG_PASSWORD", "hunter2"}, {"HOST", "db"}, {"EMPTY", ""}, {"NESTED", "${HOST}"}};
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

std::string message_of(std::string_view reference) {
  const auto result = resolver().resolve(reference);
  EXPECT_FALSE(result);
  if (result) return "";
  EXPECT_EQ(result.error().code, ErrorCode::secret_unresolvable);
  return result.error().message;
}

class SecretFile : public testing::Test {
 protected:
  SecretFile() { std::filesystem::create_directories(folder_); }
  ~SecretFile() override { std::filesystem::remove_all(folder_); }

  std::string file_with(const std::string& content) const {
    const std::string path = folder_ / "secret";
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("weir-secret-test-" + std::to_string(getpid()));
};

TEST(SecretResolver, ReadsEnvironmentVariables) { EXPECT_EQ(resolver().resolve("$env:PG_PASSWORD"), "hunter2"); }

TEST(SecretResolver, ReadsTheProcessEnvironment) {
  ASSERT_EQ(setenv("WEIR_SECRET_RESOLVER_TEST", "from the process", 1), 0);
  EXPECT_EQ(SecretResolver().resolve("$env:WEIR_SECRET_RESOLVER_TEST"), "from the process");
}

TEST(SecretResolver, ReplacesReferencesInsideAText) {
  EXPECT_EQ(resolver().resolve("postgres://app:${PG_PASSWORD}@${HOST}/app"), "postgres://app:hunter2@db/app");
}

TEST(SecretResolver, DoesNotExpandAValue) { EXPECT_EQ(resolver().resolve("${NESTED}"), "${HOST}"); }

TEST(SecretResolver, ReturnsPlainTextAsItIs) {
  for (const char* text : {"", "hunter2", "100$", "$", "$$", "a$env:b", "{x}"})
    EXPECT_EQ(resolver().resolve(text), text);
}

TEST(SecretResolver, NamesTheVariableThatIsMissing) {
  EXPECT_EQ(message_of("$env:MISSING"), "environment variable MISSING is not set");
  EXPECT_EQ(message_of("$env:EMPTY"), "environment variable EMPTY is empty");
  EXPECT_EQ(message_of("x${MISSING}y"), "environment variable MISSING is not set");
}

TEST(SecretResolver, RefusesMalformedReferencesWithoutRepeatingThem) {
  for (const char* reference :
       {"$env:", "$env:hunter2!", "$env:2HUNTER", "${hunter2!}", "${}", "${HUNTER2", "$vault:hunter2"}) {
    EXPECT_EQ(message_of(reference).find("unter2"), std::string::npos) << message_of(reference);
  }
}

TEST_F(SecretFile, CutsTheLastNewlineOnly) {
  EXPECT_EQ(resolver().resolve("$file:" + file_with("hunter2\n")), "hunter2");
  EXPECT_EQ(resolver().resolve("$file:" + file_with("hunter2\r\n")), "hunter2");
  EXPECT_EQ(resolver().resolve("$file:" + file_with(" hunter2 \n\n")), " hunter2 \n");
  EXPECT_EQ(resolver().resolve("$file:" + file_with("hunter2")), "hunter2");
}

TEST_F(SecretFile, RefusesWhatIsMissingEmptyOrTooLarge) {
  const std::string missing = folder_ / "missing";
  EXPECT_EQ(message_of("$file:" + missing), "secret file " + missing + " cannot be read: No such file or directory");
  EXPECT_EQ(message_of("$file:" + folder_.string()), "secret file " + folder_.string() + " is not a regular file");
  EXPECT_NE(message_of("$file:" + file_with("\n")).find("is empty"), std::string::npos);
  EXPECT_NE(message_of("$file:" + file_with(std::string(kSecretFileBytesMax + 1, 'x'))).find("larger than 65536 bytes"),
            std::string::npos);
  EXPECT_NE(message_of("$file:" + file_with(std::string("a\0b", 3))).find("NUL"), std::string::npos);
  EXPECT_EQ(message_of("$file:relative/path"), "$file: needs an absolute path, as in $file:/run/secrets/pg_prod");
}

TEST_F(SecretFile, TakesTheLargestAllowed) {
  EXPECT_TRUE(resolver().resolve("$file:" + file_with(std::string(kSecretFileBytesMax, 'x'))));
}

TEST_F(SecretFile, DoesNotWaitForAPipe) {
  const std::string pipe = folder_ / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(message_of("$file:" + pipe), "secret file " + pipe + " is not a regular file");
}

TEST(ResolveReferences, ReplacesThemInTextsOfAllGroups) {
  const nlohmann::json body = {
      {"name", "pg"},
      {"connection", {{"url", "postgres://${HOST}"}, {"secret_ref", "$env:PG_PASSWORD"}, {"pool_size", 5}}}};
  const auto resolved = resolve_references(example::body(), body, resolver());
  ASSERT_TRUE(resolved);
  EXPECT_EQ((*resolved)["connection"],
            nlohmann::json({{"url", "postgres://db"}, {"secret_ref", "hunter2"}, {"pool_size", 5}}));
}

TEST(ResolveReferences, NamesTheOptionThatFails) {
  const auto resolved =
      resolve_references(example::body(), {{"connection", {{"secret_ref", "$env:MISSING"}}}}, resolver());
  ASSERT_FALSE(resolved);
  EXPECT_EQ(resolved.error().message, "option connection.secret_ref: environment variable MISSING is not set");
}

}  // namespace
}  // namespace weir::options
