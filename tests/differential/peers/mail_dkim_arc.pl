#!/usr/bin/perl
# Validates or seals the message on stdin with Mail::DKIM::ARC.
#
#   verify RECORDS                                the words: pass, fail, none, then why
#   seal   RECORDS DOMAIN SELECTOR KEYFILE CHAIN  the three fields
#
# RECORDS is a file: one name, a tab, and its TXT record per line.
use strict;
use warnings;
use Mail::DKIM::ARC::Signer;
use Mail::DKIM::ARC::Verifier;
use Mail::DKIM::DNS;

my ( $task, $records, $domain, $selector, $key, $chain ) = @ARGV;
my %records;
open my $file, '<', $records or die "$records: $!\n";
while (<$file>) {
    chomp;
    my ( $name, $text ) = split /\t/, $_, 2;
    $records{$name} = $text;
}

{
    package Record;
    sub type    { return 'TXT' }
    sub txtdata { return @{ $_[0] } }
    no warnings 'redefine';
    *Mail::DKIM::DNS::query = sub {
        my ($name) = @_;
        return exists $records{$name} ? bless( [ $records{$name} ], 'Record' ) : ();
    };
}

binmode STDIN;
binmode STDOUT;
my $message = do { local $/ = undef; <STDIN> };
my $work =
  $task eq 'verify'
  ? Mail::DKIM::ARC::Verifier->new
  : Mail::DKIM::ARC::Signer->new(
    Algorithm => 'rsa-sha256',
    Chain     => $chain,
    Domain    => $domain,
    SrvId     => $domain,
    Selector  => $selector,
    KeyFile   => $key,
  );
$work->PRINT($message);
$work->CLOSE;
print $task eq 'verify' ? $work->result_detail : $work->as_string;
